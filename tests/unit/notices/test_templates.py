"""Templates: what they may say, and everything that they must not."""

from __future__ import annotations

import re
import time

import pytest

from chalicelib.notices import templates
from chalicelib.notices.defaults import BUILT_IN, name_of
from chalicelib.notices.model import Happening
from chalicelib.notices.saying import sample
from chalicelib.notices.templates import SAMPLE, VARIABLES, TemplateRefused, check, chosen, render
from chalicelib.segments import templates as segment_templates
from chalicelib.segments.blueprint import Template as SegmentTemplate

ATTACKS = [
    "{{ ''.__class__ }}",
    "{{ amount.__class__.__mro__[1].__subclasses__() }}",
    "{{ amount['__class__'] }}",
    "{{ amount|attr('__class__') }}",
    "{{ products|map(attribute='__class__')|list }}",
    "{{ products|join(attribute='__class__') }}",
    "{{ products|join(', ', '__class__') }}",
    "{{ self.__init__.__globals__ }}",
    "{{ self._TemplateReference__context }}",
    "{{ amount.__init__.__globals__ }}",
    "{{ loop.__class__ }}",
    "{% for p in products %}{{ loop.__class__ }}{% endfor %}",
    "{% for p in products %}{{ loop._iterator }}{% endfor %}",
    "{% for p in products %}{{ loop.cycle('a') }}{% endfor %}",
    "{{ lipsum }}",
    "{{ lipsum() }}",
    "{{ lipsum.__globals__['os'].popen('id').read() }}",
    "{{ cycler.__init__.__globals__ }}",
    "{{ joiner('x') }}",
    "{{ namespace() }}",
    "{{ dict(a=1) }}",
    "{{ range(10**9)|list }}",
    "{% for i in range(1000000000) %}x{% endfor %}",
    "{% for i in products %}{% for j in products %}x{% endfor %}{% endfor %}",
    "{% for i in products recursive %}{{ loop(products) }}{% endfor %}",
    "{% for amount in products %}{% endfor %}",
    "{% for a, b in products %}{% endfor %}",
    "{% for letter in customer_text %}{{ letter }}{% endfor %}",
    "{{ 'a' * 1000000000 }}",
    "{{ 9 ** 999999999 }}",
    "{{ '%01000000000d' % 1 }}",
    "{{ amount ~ amount }}",
    "{{ customer_text|join(customer_text)|join(customer_text) }}",
    "{{ '{0.__class__}'.format(amount) }}",
    "{{ '%s'|format(amount) }}",
    "{{ 'x'|center(1000000000) }}",
    "{{ 'x'|indent(1000000000) }}",
    "{{ amount|safe }}",
    "{{ amount|pprint }}",
    "{{ amount|tojson }}",
    "{% set x = amount %}",
    "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
    "{% include 'other' %}",
    "{% import 'other' as o %}",
    "{% extends 'other' %}",
    "{% block b %}{% endblock %}",
    "{% call amount() %}{% endcall %}",
    "{% filter upper %}x{% endfilter %}",
    "{% autoescape false %}{{ amount }}{% endautoescape %}",
    "{{ self }}",
    "{% for p in products %}{{ loop }}{% endfor %}",
    "{{ amount is defined }}",
    "{{ [amount, balance] }}",
    "{{ {'a': amount} }}",
    "{{ products[0] }}",
    "{{ amount > 3 }}",
    "{{ -amount }}",
    "{{ amount",
    "{% if amount %}",
    "{{ " + "9" * 150 + " ** 2 }}",
]


@pytest.mark.parametrize("attack", ATTACKS)
@pytest.mark.parametrize("part", ["subject", "text", "html", "sms"])
def test_a_template_that_reaches_for_more_than_it_needs_is_refused(attack: str, part: str) -> None:
    began = time.perf_counter()
    with pytest.raises(TemplateRefused) as refused:
        check({"en": {"subject": "s", "text": "t", part: attack}})
    assert refused.value.field == f"/locales/en/{part}"
    assert time.perf_counter() - began < 1


@pytest.mark.parametrize("name", ["amnt", "customer", "self", "_", "os", "config", "request"])
def test_a_variable_that_does_not_exist_is_named_in_the_refusal(name: str) -> None:
    with pytest.raises(TemplateRefused, match=name):
        check({"en": {"subject": "s", "text": f"{{{{ {name} }}}}"}})


@pytest.mark.parametrize("depth", [200, 2_000, 4_900])
@pytest.mark.parametrize(
    ("begin", "end"), [("{% if amount %}", "{% endif %}"), ("{{ " + "(", ")" + " }}"), ("{{ not ", " }}")]
)
def test_what_is_nested_too_deeply_is_refused_and_breaks_nothing(begin: str, end: str, depth: int) -> None:
    source = (begin * depth + "amount" + end * depth)[:9_999]
    with pytest.raises(TemplateRefused):
        check({"en": {"subject": "s", "text": source}})


CHAIN = "{{ amount" + "|title" * 7 + " }}"


@pytest.mark.parametrize(
    "source",
    [
        "{{ amount" + "|title" * 160 + " }}",
        "{{ " + "not " * 160 + "amount }}",
        "{{ amount" + " and amount" * 250 + " }}",
        CHAIN * 500,
        "{{ amount }}" * 3_000,
    ],
)
def test_what_would_take_long_to_compile_is_refused_at_once(source: str) -> None:
    began = time.process_time()
    with pytest.raises(TemplateRefused, match=r"nested too deeply|expressions|more than can be read"):
        check({"en": {"subject": "s", "text": "t", "html": source}})
    assert time.process_time() - began < 2.0


def test_many_locales_together_take_no_longer_than_one_request_may() -> None:
    parts = {"subject": "s", "text": "t", "html": CHAIN * 70}
    began = time.process_time()
    with pytest.raises(TemplateRefused, match="all its parts and locales"):
        check({f"e{letter}": {**parts, "html": f"{letter}{parts['html']}"} for letter in "abcdefghij"})
    assert time.process_time() - began < 5.0


def test_a_number_that_python_would_not_read_is_refused() -> None:
    with pytest.raises(TemplateRefused):
        check({"en": {"subject": "s", "text": "{{ " + "9" * 5_000 + " }}"}})


def test_output_is_bounded_whatever_a_customers_text_is() -> None:
    parts = {"subject": "s", "text": "{{ customer_text }}" * 10}
    check({"en": parts})
    with pytest.raises(TemplateRefused):
        render(parts, {**SAMPLE, "customer_text": "x" * 5_000})


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("{{ amount }} {{ balance }}", "€25.00 €40.00"),
        ("{% for p in products %}{{ loop.index }}.{{ p }}{% if not loop.last %}, {% endif %}{% endfor %}", "1.tea, 2."),
        ("{{ products|join(' · ') }}", "tea · teapot · cup"),
        ("{% if expires_at and amount != balance %}until {{ expires_at }}{% endif %}", "until 31 March 2027"),
        ("{{ customer_text|upper|default('x') }}", "THANK YOU"),
        ("{{ amount if products else balance }}", "€25.00"),
    ],
)
def test_what_a_notice_needs_can_be_said(source: str, said: str) -> None:
    check({"en": {"subject": "s", "text": source}})
    assert render({"subject": "s", "text": source}, SAMPLE).text.startswith(said)


def test_html_is_escaped_and_a_subject_stays_one_line() -> None:
    evil = "<script>\r\nBcc: everybody@example.com"
    parts = {"subject": "{{ customer_text }}", "text": "{{ customer_text }}", "html": "<p>{{ customer_text }}</p>"}
    said = render(parts, {**SAMPLE, "customer_text": evil})
    assert said.subject == "<script> Bcc: everybody@example.com"
    assert (said.text, said.html) == (evil, "<p>&lt;script&gt;\r\nBcc: everybody@example.com</p>")


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ("de-AT", "de"),
        ("de", "de"),
        ("en-GB", "en-GB"),
        ("en_gb", "en-GB"),
        ("pt", "pt-BR"),
        ("fr", "en"),
        (None, "en"),
    ],
)
def test_a_customer_gets_the_nearest_locale(wanted: str | None, found: str) -> None:
    parts = {"subject": "s", "text": "t"}
    assert chosen({"pt-BR": parts, "de": parts, "en": parts, "en-GB": parts}, wanted) == found


def test_without_english_the_first_locale_stands_in() -> None:
    parts = {"subject": "s", "text": "t"}
    assert chosen({"fr": parts, "de": parts}, "it") == "fr"


@pytest.mark.parametrize("happening", Happening)
@pytest.mark.parametrize("locale", ["en", "de"])
def test_what_is_built_in_says_everything_it_has_to(happening: Happening, locale: str) -> None:
    locales = BUILT_IN[name_of(happening)]
    check(locales)
    said = render(locales[locale], sample(locale))
    assert said.sms == said.subject
    assert str(sample(locale)["amount"]) in said.subject
    assert len(said.subject) <= 160, "one text message"


def test_every_variable_is_in_the_sample() -> None:
    assert set(SAMPLE) == set(sample("de")) == set(VARIABLES) == set(templates._EMPTY)


LIBRARY = segment_templates.templates()


def said_by(message: str, **values: str) -> str:
    """What a message of the library says, once it stands in a notice's template that is in force."""
    parts = {"subject": "s", "text": message, "sms": message}
    check({"en": parts})
    said = render(parts, {**SAMPLE, **values})
    assert said.sms == said.text
    return said.text


@pytest.mark.parametrize("template", LIBRARY, ids=lambda template: template.id)
def test_what_a_segment_recommends_to_say_can_be_said_by_a_notice(template: SegmentTemplate) -> None:
    said = said_by(template.recommended.message)
    assert not {"{", "}", "%"} & set(said), "nothing of the template is left"
    assert f"{SAMPLE['amount']} " in said
    assert said.endswith(f", until {SAMPLE['expires_at']}. It can be used {SAMPLE['conditions']}.")


@pytest.mark.parametrize("template", LIBRARY, ids=lambda template: template.id)
def test_what_a_segment_recommends_to_say_fits_credit_without_conditions_and_without_an_end(
    template: SegmentTemplate,
) -> None:
    message = template.recommended.message
    assert said_by(message, conditions="").endswith(f", until {SAMPLE['expires_at']}.")
    without = said_by(message, conditions="", expires_at="")
    assert re.search(r"[a-z]\.$", without), "a sentence that ends"
    assert "until" not in without and "  " not in without


def test_small_baskets_are_told_of_the_order_that_it_takes() -> None:
    (message,) = (each.recommended.message for each in LIBRARY if each.id == "small_baskets")
    assert said_by(message, amount="€7.50").partition("? ")[2] == (
        "€7.50 towards your next order, until 31 March 2027. It can be used for orders of €50.00 or more."
    )
