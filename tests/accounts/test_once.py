"""Is what stands in {% once %} drawn once, and does nothing of a reader get into it?"""

import pytest
from django.template import Context, Engine, Library, RequestContext, TemplateSyntaxError
from django.test import RequestFactory
from django.utils import translation
from django.utils.safestring import mark_safe

register = Library()


@register.simple_tag(takes_context=True)
def reader(context):
    """Read the request as Django's own tags do."""
    return context.request.path if context.request else "nobody"


ENGINE = Engine(
    libraries={"once": "accounts.templatetags.once", "i18n": "django.templatetags.i18n", "reader": __name__}
)


def template(text: str):
    return ENGINE.from_string("{% load i18n once reader %}" + text)


def test_it_is_drawn_once_for_each_value_of_the_names():
    page = template("{% once place %}{{ place }} {% now 'u' %}{% endonce %}")

    def drawn(place: str) -> str:
        return page.render(Context({"place": place}))

    first = drawn("here")
    assert first.startswith("here ")
    assert drawn("there").startswith("there ")
    assert drawn("here") == first


def test_nothing_is_known_inside_but_what_is_given():
    page = template("{% once place %}{{ place }}{{ user }}{{ request.user }}{% endonce %}{{ user }}")
    known = {"place": "here", "user": "Olga", "request": {"user": "Olga"}}
    assert page.render(Context(known)) == "hereOlga"
    assert page.render(Context(known | {"user": "Ivo"})) == "hereIvo"


def test_no_tag_inside_finds_the_request():
    page = template("{% once %}{% if request %}{{ request.path }}{% endif %}{% reader %}{% endonce %}")
    for path in ("/of-olga/", "/of-ivo/"):
        assert page.render(RequestContext(RequestFactory().get(path))) == "nobody"


def test_a_safe_text_and_a_plain_one_are_drawn_apart():
    page = template("{% once name %}{{ name }}{% endonce %}")
    assert page.render(Context({"name": mark_safe("<b>")})) == "<b>"
    assert page.render(Context({"name": "<b>"})) == "&lt;b&gt;"


def test_each_language_has_its_own():
    page = template("{% once %}{% get_current_language as language %}{{ language }}{% endonce %}")
    for language in ("en", "nl", "en"):
        with translation.override(language):
            assert page.render(Context()) == language


def test_there_is_no_block_in_it():
    with pytest.raises(TemplateSyntaxError, match="no block"):
        template("{% once %}{% block main %}{% endblock %}{% endonce %}")
