# Raise the last number with each release. A tag can be moved: where that matters, add the image's digest.
FROM python:3.13.9-slim-bookworm

ENV PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    PIP_NO_CACHE_DIR=1 \
    PIP_DISABLE_PIP_VERSION_CHECK=1

WORKDIR /app

# The requirements change less often than the code, so they are a layer of their own.
COPY requirements/base.txt requirements/base.txt
RUN pip install --no-deps --require-hashes -r requirements/base.txt && python -m compileall -q /usr/local/lib/python3.13/site-packages

COPY manage.py gunicorn.conf.py ./
COPY uptrends_2fa uptrends_2fa
COPY accounts accounts
COPY operators operators
COPY twofactor twofactor
COPY invitations invitations
COPY templates templates
COPY static static

# Production settings refuse to start without keys. These are made for this one command and kept nowhere.
RUN DEBUG=off \
    SECRET_KEY="$(python -c 'import secrets; print(secrets.token_urlsafe(64))')" \
    TWO_FACTOR_KEYS="$(python -c 'from cryptography.fernet import Fernet; print(Fernet.generate_key().decode())')" \
    ALLOWED_HOSTS=build.invalid SITE_URL=https://build.invalid \
    python manage.py collectstatic --noinput && \
    python -m compileall -q .

# The application writes nothing to its own folder: it owns none of it.
RUN useradd --system --uid 10001 --no-create-home app
# By its number, so that whatever starts it can see that it is not root.
USER 10001

ENV DEBUG=off \
    GUNICORN_BIND=0.0.0.0:8000
EXPOSE 8000
CMD ["gunicorn", "uptrends_2fa.wsgi:application"]
