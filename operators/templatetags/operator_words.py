"""What pages say of an operator in short: {{ operator|groups_in_words }}."""

from django import template

from operators.status import labels

register = template.Library()
for words in (labels.groups_in_words, labels.groups_in_short, labels.last_login_label, labels.initials):
    register.filter(words)
