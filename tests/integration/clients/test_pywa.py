"""pywa, a client of Meta's Cloud API that others wrote, against the simulator: each call is a case.

Where Meta's OpenAPI file is there, the simulator also refuses what breaks it and holds its own answers
against it. Not simulated: flows, groups, calls, usernames and sign-ups.
"""

from __future__ import annotations

import datetime as dt
import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest
from pywa import WhatsApp, types
from pywa.errors import WhatsAppError
from pywa.types import templates as t

from local.simulators.graph import GraphSimulator
from local.simulators.opus import recording
from tests.support.openapi import MISSING, OPENAPI

TOKEN = "EAAlocaltoken0000000000000001"
BUSINESS = "506914307656634"
TO = "4915112345678"
LINK = "https://example.org/file"
PNG = b"\x89PNG\r\n\x1a\n" + bytes(60)
EN = t.TemplateLanguage.ENGLISH_US
UTILITY, MARKETING = t.TemplateCategory.UTILITY, t.TemplateCategory.MARKETING


class ToSimulator(httpx.HTTPTransport):
    """Takes what is meant for Meta's hosts to the simulator."""

    def __init__(self, address: str) -> None:
        super().__init__()
        self._address = httpx.URL(address)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        if request.url.host.endswith("facebook.com"):
            own = self._address
            request.url = request.url.copy_with(scheme=own.scheme, host=own.host, port=own.port)
            request.headers["host"] = f"{own.host}:{own.port}"
        return super().handle_request(request)


@pytest.fixture(scope="module")
def running() -> Iterator[GraphSimulator]:
    made = GraphSimulator(openapi=str(OPENAPI) if OPENAPI.exists() else None)
    made.start()
    yield made
    made.stop()


@pytest.fixture
def simulator(running: GraphSimulator) -> Iterator[GraphSimulator]:
    running.reset()
    running.schema_faults.clear()
    yield running
    assert running.schema_faults == [], "what the simulator said fits Meta's file"


@pytest.fixture
def wa(simulator: GraphSimulator) -> Iterator[WhatsApp]:
    with httpx.Client(transport=ToSimulator(simulator.url)) as session:
        yield WhatsApp(
            phone_id=simulator.phone_number_id,
            token=TOKEN,
            waba_id=simulator.waba_id,
            business_portfolio_id=BUSINESS,
            app_id=simulator.app_id,
            api_version=23.0,
            session=session,
        )


def sent(simulator: GraphSimulator) -> dict[str, Any]:
    """The last send that was accepted."""
    found: dict[str, Any] = [entry for entry in simulator.requests if entry["accepted"]][-1]["body"]
    return found


# -- messages -----------------------------------------------------------------------------------------

BUTTONS = [types.Button("Yes", "yes"), types.Button("No", "no")]
SECTIONS = types.SectionList(
    "Slots", [types.Section("Monday", [types.SectionRow("Ten", "mon-10", "With Dr Ito")])]
)
FLOW = types.FlowButton("Book", flow_id="123", flow_token="x", mode=types.FlowStatus.PUBLISHED)
CONTACT = types.Contact(
    name=types.Contact.Name(formatted_name="Ana Ito", first_name="Ana"),
    phones=[types.Contact.Phone(phone="+4915112345678", type="MOBILE")],
)
CARDS = [
    types.ImageCarouselCard(body=f"Room {n}", buttons=types.URLButton("Look", LINK), image=f"{LINK}{n}.jpg")
    for n in (1, 2)
]
Call = Callable[[WhatsApp], Any]
SENDS: dict[str, tuple[str, Call]] = {
    "text": ("text", lambda wa: wa.send_message(TO, "Ten o'clock.")),
    "text with a preview": ("text", lambda wa: wa.send_message(TO, f"See {LINK}", preview_url=True)),
    "reply": ("text", lambda wa: wa.send_message(TO, "Yes.", reply_to_message_id="wamid.x")),
    "text with a tracker": ("text", lambda wa: wa.send_message(TO, "Yes.", tracker="order-1")),
    "to a user id": ("text", lambda wa: wa.send_message("US.13491208655302741918", "Yes.")),
    "reply buttons": ("interactive", lambda wa: wa.send_message(TO, "Come?", "A", "B", BUTTONS)),
    "URL button": (
        "interactive",
        lambda wa: wa.send_message(TO, "Look.", buttons=types.URLButton("Open", LINK)),
    ),
    "list": ("interactive", lambda wa: wa.send_message(TO, "When?", buttons=SECTIONS)),
    "flow": ("interactive", lambda wa: wa.send_message(TO, "Book.", buttons=FLOW)),
    "voice call button": (
        "interactive",
        lambda wa: wa.send_message(TO, "Call us.", buttons=types.VoiceCallButton("Call")),
    ),
    "call permission": (
        "interactive",
        lambda wa: wa.send_message(TO, "May we call?", buttons=types.CallPermissionRequestButton()),
    ),
    "image by link": ("image", lambda wa: wa.send_image(TO, f"{LINK}.jpg", "Our door")),
    "image by bytes": ("image", lambda wa: wa.send_image(TO, PNG, mime_type="image/png")),
    "image with buttons": (
        "interactive",
        lambda wa: wa.send_image(TO, f"{LINK}.jpg", "Come?", buttons=BUTTONS),
    ),
    "video": ("video", lambda wa: wa.send_video(TO, f"{LINK}.mp4", "The way")),
    "document": ("document", lambda wa: wa.send_document(TO, f"{LINK}.pdf", "bill.pdf", "Your bill")),
    "audio": ("audio", lambda wa: wa.send_audio(TO, f"{LINK}.mp3")),
    "voice": ("audio", lambda wa: wa.send_voice(TO, recording("Hello"), mime_type="audio/ogg")),
    "sticker": ("sticker", lambda wa: wa.send_sticker(TO, f"{LINK}.webp")),
    "reaction": ("reaction", lambda wa: wa.send_reaction(TO, "👍", "wamid.x")),
    "reaction taken away": ("reaction", lambda wa: wa.remove_reaction(TO, "wamid.x")),
    "location": ("location", lambda wa: wa.send_location(TO, 37.48, -122.15, "Clinic", "1 Main St")),
    "location without a name": ("location", lambda wa: wa.send_location(TO, 37.48, -122.15)),
    "location request": ("interactive", lambda wa: wa.request_location(TO, "Where are you?")),
    "contact": ("contacts", lambda wa: wa.send_contact(TO, CONTACT)),
    "contact request": ("interactive", lambda wa: wa.request_contact_info(TO, "Who are you?")),
    "catalog": ("interactive", lambda wa: wa.send_catalog(TO, "All we have", thumbnail_product_sku="s1")),
    "catalog without a picture": ("interactive", lambda wa: wa.send_catalog(TO, "All we have")),
    "product": ("interactive", lambda wa: wa.send_product(TO, "c1", "s1", "This one")),
    "products": (
        "interactive",
        lambda wa: wa.send_products(TO, "c1", [types.ProductsSection("Care", ["s1", "s2"])], "Ours", "All"),
    ),
    "carousel": ("interactive", lambda wa: wa.send_carousel(TO, body="Rooms", cards=CARDS)),
    "template": (
        "template",
        lambda wa: wa.send_template(TO, "order_update", EN, [t.BodyText.params("42")]),
    ),
    "template without parameters": ("template", lambda wa: wa.send_template(TO, "hello_world", EN, [])),
    "marketing template": (
        "template",
        lambda wa: wa.send_template(TO, "promo_offer", EN, [t.BodyText.params("42")], use_mm_lite_api=True),
    ),
}


@pytest.mark.parametrize("name", SENDS)
def test_a_message(wa: WhatsApp, simulator: GraphSimulator, name: str) -> None:
    kind, call = SENDS[name]
    found = call(wa)
    assert found.id.startswith("wamid.")
    assert sent(simulator)["type"] == kind


def test_a_user_id_is_never_a_phone_number(wa: WhatsApp, simulator: GraphSimulator) -> None:
    found = wa.send_message("US.13491208655302741918", "Yes.")
    assert found.chat.id == "US.13491208655302741918"
    assert "wa_id" not in simulator.requests[-1]["answer"]["body"]["contacts"][0]


# -- templates of every shape ---------------------------------------------------------------------------


def approved(wa: WhatsApp, simulator: GraphSimulator, *components: Any, **more: Any) -> t.Template:
    """A template that was created by the client and approved by the control surface."""
    category = more.pop("category", MARKETING)
    made = t.Template(name="made", language=EN, category=category, components=list(components), **more)
    assert wa.create_template(made).status == "PENDING"
    simulator.templates.set({"name": "made", "status": "APPROVED"})
    return made


def test_a_template_with_named_parameters(wa: WhatsApp, simulator: GraphSimulator) -> None:
    body = t.BodyText("Dear {{name}}, see you at {{hour}} o'clock.", name="Ana", hour="10")
    made = approved(wa, simulator, body, parameter_format=t.ParamFormat.NAMED, category=UTILITY)
    wa.send_template(TO, template=made, params=[body.params(name="Ana", hour="11")])
    with pytest.raises(WhatsAppError) as refused:
        wa.send_template(TO, "made", EN, [t.BodyText.params("Ana", "11")])
    assert refused.value.code == 100


def test_a_template_with_an_image_and_buttons(wa: WhatsApp, simulator: GraphSimulator) -> None:
    header = t.HeaderImage(example=PNG)
    body = t.BodyText("Dear {{1}}, your code is here.", "Ana")
    address = t.URLButton(text="Open", url="https://example.org/{{1}}", example="https://example.org/x")
    buttons = t.Buttons(
        buttons=[address, t.CopyCodeButton(example="SAVE20"), t.QuickReplyButton(text="Stop")]
    )
    made = approved(wa, simulator, header, body, t.FooterText(text="Lifeline"), buttons)
    params = [
        t.HeaderImage.params(image=f"{LINK}.jpg"),
        body.params("Ana"),
        t.URLButton.params(url_variable="x", index=0),
        t.CopyCodeButton.params(coupon_code="SAVE20", index=1),
        t.QuickReplyButton.params(callback_data="stop", index=2),
    ]
    wa.send_template(TO, template=made, params=params)
    kinds = [part["type"] for part in sent(simulator)["template"]["components"]]
    assert set(kinds) == {"HEADER", "BODY", "button"}, "component types come in any case"
    for left_out, code in ((0, 132012), (1, 132000), (2, 131008), (3, 131008)):
        with pytest.raises(WhatsAppError) as refused:
            wa.send_template(TO, "made", EN, [p for n, p in enumerate(params) if n != left_out])
        assert refused.value.code == code


def test_a_template_with_a_location(wa: WhatsApp, simulator: GraphSimulator) -> None:
    made = approved(wa, simulator, t.HeaderLocation(), t.BodyText("We have moved."), category=UTILITY)
    where = t.HeaderLocation.params(lat=37.48, lon=-122.15, name="Clinic", address="1 Main St")
    assert wa.send_template(TO, template=made, params=[where]).id


def test_a_template_with_an_offer_that_ends(wa: WhatsApp, simulator: GraphSimulator) -> None:
    made = approved(
        wa,
        simulator,
        t.LimitedTimeOffer(text="Only today", has_expiration=True),
        t.BodyText("Half price."),
        t.Buttons(buttons=[t.CopyCodeButton(example="HALF")]),
    )
    ends = dt.datetime(2030, 1, 1, tzinfo=dt.UTC)
    code = t.CopyCodeButton.params(coupon_code="HALF", index=0)
    wa.send_template(TO, template=made, params=[t.LimitedTimeOffer.params(expiration_time=ends), code])
    with pytest.raises(WhatsAppError):
        wa.send_template(TO, "made", EN, [code])


def test_a_template_with_a_carousel(wa: WhatsApp, simulator: GraphSimulator) -> None:
    def card() -> t.CarouselCard:
        reply = t.QuickReplyButton(text="This one")
        return t.CarouselCard(components=[t.HeaderImage(example=PNG), t.Buttons(buttons=[reply])])

    made = approved(wa, simulator, t.BodyText("Our rooms."), t.Carousel(cards=[card(), card()]))
    cards = [
        t.CarouselCard.params(
            params=[
                t.HeaderImage.params(image=f"{LINK}.jpg"),
                t.QuickReplyButton.params(callback_data=f"room-{n}", index=0),
            ],
            index=n,
        )
        for n in (0, 1)
    ]
    wa.send_template(TO, made.name, EN, [t.Carousel.params(cards=cards)])
    with pytest.raises(WhatsAppError) as refused:
        wa.send_template(TO, "made", EN, [t.Carousel.params(cards=cards[:1])])
    assert refused.value.code == 132012


def test_a_template_for_one_time_passwords(wa: WhatsApp, simulator: GraphSimulator) -> None:
    otp = t.CopyCodeOTPButton()
    (made,) = wa.upsert_authentication_template(
        name="code",
        languages=[EN],
        otp_button=otp,
        code_expiration_minutes=5,
        add_security_recommendation=True,
    )
    assert (made.category, made.status) == ("AUTHENTICATION", "PENDING")
    simulator.templates.set({"name": "code", "status": "APPROVED"})
    params = [t.AuthenticationBody.params(otp="123456"), otp.params(otp="123456")]
    assert wa.send_template(TO, "code", EN, params).id
    with pytest.raises(WhatsAppError) as refused:
        wa.send_template("US.13491208655302741918", "code", EN, params)
    assert refused.value.code == 131062


def test_the_list_of_templates_and_its_summary(wa: WhatsApp) -> None:
    found = wa.get_templates()
    assert {row.name for row in found} >= {"order_update", "promo_offer"}
    assert (found.total_count, found.message_template_limit) == (len(found), 6000)
    assert {row.parameter_format for row in found} == {t.ParamFormat.POSITIONAL}
    assert isinstance(found[0].components[0], t.BodyText)


def test_templates_by_filter(wa: WhatsApp) -> None:
    assert [row.name for row in wa.get_templates(name="order_update")] == ["order_update"]
    marketing = wa.get_templates(categories=[MARKETING], statuses=[t.TemplateStatus.APPROVED])
    assert [row.name for row in marketing] == ["promo_offer"]
    assert [row.name for row in wa.get_templates(name_or_content="reminder_v2")] == [
        "appointment_reminder_v2"
    ]
    assert not wa.get_templates(languages=[t.TemplateLanguage.GERMAN])


def test_pages_of_templates(wa: WhatsApp) -> None:
    first = wa.get_templates(pagination=types.Pagination(limit=3))
    assert (len(first), first.has_next, first.has_previous) == (3, True, False)
    names = [row.name for row in first]
    page = first
    while page.has_next:
        page = wa.get_templates(pagination=types.Pagination(limit=3, after=page.after))
        names += [row.name for row in page]
    assert len(set(names)) == len(names) == first.total_count
    back = wa.get_templates(pagination=types.Pagination(limit=3, before=page.before))
    assert [row.name for row in back] == names[-len(page) - 3 : -len(page)]


def test_the_address_of_the_next_page(wa: WhatsApp) -> None:
    made = [wa.create_qr_code(f"Hello {n}!").code for n in range(5)]
    first = wa.get_qr_codes(pagination=types.Pagination(limit=2))
    assert [row.code for row in first.all()] == made
    assert [row.code for row in first.next().previous()] == made[:2]


def test_a_template_by_id(wa: WhatsApp) -> None:
    (listed,) = wa.get_templates(name="order_update")
    found = wa.get_template(listed.id)
    assert (found.name, found.status, found.quality_score.score) == ("order_update", "APPROVED", "GREEN")


def test_a_template_is_changed_and_deleted(wa: WhatsApp) -> None:
    (listed,) = wa.get_templates(name="order_update")
    assert wa.update_template(listed.id, new_components=[t.BodyText("Order {{1}} is here.", "42")]).success
    assert wa.get_template(listed.id).status == "PENDING"
    assert wa.delete_template("order_update", template_id=listed.id)
    assert not wa.get_templates(name="order_update")


def test_a_template_is_unpaused(wa: WhatsApp) -> None:
    (paused,) = wa.get_templates(name="paused_notice")
    assert wa.unpause_template(paused.id).success
    assert wa.get_template(paused.id).status == "APPROVED"


def test_a_template_is_archived_and_back(wa: WhatsApp) -> None:
    (listed,) = wa.get_templates(name="order_update")
    assert wa.archive_templates([listed.id, "1"]).archived == (listed.id,)
    assert wa.get_template(listed.id).status == "ARCHIVED"
    assert wa.unarchive_templates([listed.id]).unarchived == (listed.id,)


def test_templates_are_compared_and_migrated(wa: WhatsApp) -> None:
    first, second = wa.get_templates()[:2]
    found = wa.compare_templates(first.id, second.id, start=1751247548, end=1751847548)
    assert found.times_sent == {first.id: 0, second.id: 0}
    assert wa.migrate_templates("102290129340399").migrated == ()


# -- read, media ------------------------------------------------------------------------------------------


def test_a_message_is_marked_as_read(wa: WhatsApp) -> None:
    assert wa.mark_message_as_read("wamid.IN00000001")


def test_typing_is_shown(wa: WhatsApp) -> None:
    assert wa.indicate_typing("wamid.IN00000001")


MEDIA = {
    "image": (PNG, "image/png"),
    "voice": (recording("Hello"), "audio/ogg"),
    "document": (b"%PDF-1.4\n", "application/pdf"),
    "sticker": (b"RIFF0000WEBP", "image/webp"),
    "video": (b"\0\0\0\x18ftypmp42", "video/mp4"),
}


@pytest.mark.parametrize("kind", MEDIA)
def test_a_medium_goes_up_and_comes_down(wa: WhatsApp, kind: str) -> None:
    content, mime_type = MEDIA[kind]
    media = wa.upload_media(content, mime_type=mime_type)
    found = wa.get_media_url(media.id)
    assert (found.mime_type, int(found.file_size)) == (mime_type, len(content))
    assert wa.get_media_bytes(found.url) == content


def test_a_medium_is_saved(wa: WhatsApp, tmp_path: Path) -> None:
    media = wa.upload_media(PNG, mime_type="image/png")
    saved = wa.download_media(url=wa.get_media_url(media.id).url, path=tmp_path, filename="door.png")
    assert saved.read_bytes() == PNG


def test_a_medium_is_streamed(wa: WhatsApp) -> None:
    media = wa.upload_media(PNG, mime_type="image/png")
    assert b"".join(wa.stream_media(wa.get_media_url(media.id).url)) == PNG


def test_a_medium_is_sent_by_id_and_deleted(wa: WhatsApp, simulator: GraphSimulator) -> None:
    media = wa.upload_media(PNG, mime_type="image/png")
    wa.send_image(TO, media)
    assert sent(simulator)["image"] == {"id": media.id}
    assert wa.delete_media(media.id)
    with pytest.raises(WhatsAppError) as refused:
        wa.get_media_url(media.id)
    assert (refused.value.code, refused.value.subcode) == (100, 33)


# -- number, profile, account -------------------------------------------------------------------------------


def test_the_number(wa: WhatsApp, simulator: GraphSimulator) -> None:
    found = wa.get_business_phone_number()
    assert (found.id, found.status, found.quality_rating) == (simulator.phone_number_id, "CONNECTED", "GREEN")
    assert found.health_status["can_send_message"] == "AVAILABLE"


def test_the_numbers(wa: WhatsApp, simulator: GraphSimulator) -> None:
    (found,) = wa.get_business_phone_numbers()
    assert found.id == simulator.phone_number_id


def test_a_number_is_added_and_verified(wa: WhatsApp) -> None:
    made = wa.create_phone_number(country_calling_code=1, phone_number="5550783882", verified_name="Clinic 2")
    assert made.id in [row.id for row in wa.get_business_phone_numbers()]
    assert wa.request_verification_code(code_method="SMS", language_code="en_US")
    assert wa.verify_phone_number("123456")


def test_a_number_is_registered(wa: WhatsApp) -> None:
    assert wa.deregister_phone_number()
    assert wa.get_business_phone_number().status == "DISCONNECTED"
    assert wa.register_phone_number("123456")
    assert wa.get_business_phone_number().status == "CONNECTED"
    with pytest.raises(WhatsAppError) as refused:
        wa.register_phone_number("654321")
    assert refused.value.code == 133005


def test_settings_of_the_number(wa: WhatsApp) -> None:
    assert wa.get_business_phone_number_settings().storage_configuration.status == "DEFAULT"
    checked = types.UserIdentityChangeSettings(enable_identity_key_check=True)
    assert wa.update_business_phone_number_settings(user_identity_change=checked)
    assert wa.get_business_phone_number_settings().user_identity_change == checked


def test_the_display_name(wa: WhatsApp) -> None:
    assert wa.update_display_name("Lifeline Hospital")
    assert wa.get_business_phone_number().new_name_status == "PENDING_REVIEW"


def test_conversational_automation(wa: WhatsApp) -> None:
    command = types.Command(name="book", description="Book a slot")
    assert wa.update_conversational_automation(["Book a slot"], [command])
    found = wa.get_business_phone_number().conversational_automation
    assert (found.ice_breakers, found.commands) == (("Book a slot",), (command,))


def test_the_public_key(wa: WhatsApp) -> None:
    assert wa.set_business_public_key("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----")


def test_the_profile(wa: WhatsApp) -> None:
    assert wa.get_business_profile().industry == types.Industry.HEALTH
    assert wa.update_business_profile(about="Open all day", profile_picture=PNG)
    assert wa.get_business_profile().about == "Open all day"


def test_commerce_settings(wa: WhatsApp) -> None:
    assert wa.get_commerce_settings().is_cart_enabled
    assert wa.update_commerce_settings(is_cart_enabled=False)
    assert not wa.get_commerce_settings().is_cart_enabled


def test_qr_codes(wa: WhatsApp) -> None:
    made = wa.create_qr_code("Hello!", "PNG")
    assert wa.update_qr_code(made.code, "Hi!").code == made.code
    assert wa.get_qr_code(made.code, image_type="PNG").prefilled_message == "Hi!"
    assert [row.code for row in wa.get_qr_codes()] == [made.code]
    assert wa.delete_qr_code(made.code)
    assert wa.get_qr_code(made.code) is None


def test_blocked_users(wa: WhatsApp) -> None:
    assert [user.wa_id for user in wa.block_users([TO]).added_users] == [TO]
    assert [user.wa_id for user in wa.get_blocked_users()] == [TO]
    assert [user.wa_id for user in wa.unblock_users([TO]).removed_users] == [TO]
    assert not wa.get_blocked_users()


def test_the_account(wa: WhatsApp, simulator: GraphSimulator) -> None:
    found = wa.get_business_account()
    assert (found.id, found.currency, found.account_review_status) == (simulator.waba_id, "USD", "APPROVED")
    assert [app.id for app in found.subscribed_apps] == [simulator.app_id]


def test_the_account_is_changed(wa: WhatsApp) -> None:
    wa.update_business_account_settings(disable_marketing_messages_on_cloud_api=True)
    assert wa.get_business_account().disable_marketing_messages_on_cloud_api


@pytest.mark.parametrize(
    "call", [WhatsApp.get_owned_business_accounts, WhatsApp.get_shared_business_accounts]
)
def test_the_accounts_of_a_business(wa: WhatsApp, simulator: GraphSimulator, call: Any) -> None:
    assert [row.id for row in call(wa)] == [simulator.waba_id]


def test_addresses_of_webhooks(wa: WhatsApp, simulator: GraphSimulator) -> None:
    token = wa.get_app_access_token(int(simulator.app_id), simulator.app_secret)
    assert wa.set_app_callback_url(int(simulator.app_id), token, LINK, "verify", ["messages"])
    assert wa.override_waba_callback_url(LINK, "verify")
    assert wa.delete_waba_callback_url()
    assert wa.override_phone_callback_url(LINK, "verify")
    assert wa.get_business_phone_number().webhook_configuration["phone_number"] == LINK
    assert wa.delete_phone_callback_url()


# -- what Meta refuses --------------------------------------------------------------------------------------

ONE = [t.BodyText.params("x")]
REFUSED: dict[str, tuple[int, Call]] = {
    "too long a text": (100, lambda wa: wa.send_message(TO, "x" * 4097)),
    "too many buttons": (100, lambda wa: wa.send_message(TO, "?", buttons=[*BUTTONS, *BUTTONS])),
    "too long a button": (100, lambda wa: wa.send_message(TO, "?", buttons=[types.Button("x" * 21, "x")])),
    "too long a caption": (100, lambda wa: wa.send_image(TO, f"{LINK}.jpg", "x" * 1025)),
    "no such medium": (131053, lambda wa: wa.send_image(TO, "123456")),
    "no such template": (132001, lambda wa: wa.send_template(TO, "no_such", EN)),
    "a paused template": (132015, lambda wa: wa.send_template(TO, "paused_notice", EN, ONE)),
    "a parameter too many": (132000, lambda wa: wa.send_template(TO, "hello_world", EN, ONE)),
    "a wrong place": (131009, lambda wa: wa.send_location(TO, 91.0, 0.0)),
    "a wrong number": (131009, lambda wa: wa.send_message("12", "x")),
    "one carousel card": (100, lambda wa: wa.send_carousel(TO, body="x", cards=CARDS[:1])),
    "a utility template as marketing": (
        134100,
        lambda wa: wa.send_template(TO, "order_update", EN, ONE, use_mm_lite_api=True),
    ),
    "a template twice": (
        100,
        lambda wa: wa.create_template(
            t.Template(name="hello_world", language=EN, category=UTILITY, components=[t.BodyText("Hi")])
        ),
    ),
    "a picture of no known type": (100, lambda wa: wa.upload_media(b"x", mime_type="image/tiff")),
    "audio that is not Opus": (131053, lambda wa: wa.upload_media(b"OggSvorbis", mime_type="audio/ogg")),
    "no such object": (100, lambda wa: wa.get_flow("4711")),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_a_refusal_in_metas_words(wa: WhatsApp, simulator: GraphSimulator, name: str) -> None:
    code, call = REFUSED[name]
    with pytest.raises(WhatsAppError) as refused:
        call(wa)
    assert refused.value.code == code
    assert refused.value.fbtrace_id
    assert not any(entry["accepted"] for entry in simulator.requests)


def test_a_field_that_does_not_exist(wa: WhatsApp, simulator: GraphSimulator) -> None:
    with pytest.raises(WhatsAppError, match="nonexisting field"):
        wa.api.send_raw_request("GET", f"/{simulator.phone_number_id}", params={"fields": "id,colour"})


def test_a_token_that_is_not_good(wa: WhatsApp) -> None:
    wa.token = "EAAother"
    with pytest.raises(WhatsAppError) as refused:
        wa.get_business_phone_number()
    assert (refused.value.code, refused.value.subcode, refused.value.status_code) == (190, 467, 401)


# -- webhooks ---------------------------------------------------------------------------------------------


def test_what_the_simulator_posts_is_read_by_the_client(wa: WhatsApp, simulator: GraphSimulator) -> None:
    posts: list[bytes] = []
    came = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            posts.append(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()
            came.set()

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        simulator.apply_settings({"webhook_url": f"http://127.0.0.1:{server.server_address[1]}/"})
        try:
            simulator.control("POST", "/inbound", {}, {"from": None, "user_id": "US.1349", "text": "Hello"})
            assert came.wait(10)
        finally:
            simulator.apply_settings({"webhook_url": ""})
            server.shutdown()
    value = json.loads(posts[0])["entry"][0]["changes"][0]["value"]
    assert value["messages"][0]["from_user_id"] == "US.1349"
    assert "from" not in value["messages"][0]
    read = types.Message.from_update(wa, json.loads(posts[0]))
    assert (read.text, read.from_user.bsuid) == ("Hello", "US.1349")


# -- Meta's own schema --------------------------------------------------------------------------------------


@pytest.mark.skipif(not OPENAPI.exists(), reason=MISSING)
@pytest.mark.parametrize(
    ("path", "call"),
    [
        ("/{Version}/{WABA-ID}/message_templates", lambda wa: wa.get_templates()),
        ("/{Version}/{TEMPLATE_ID}", lambda wa: wa.get_template(wa.get_templates()[0].id)),
        ("/{Version}/{WABA-ID}/phone_numbers", lambda wa: wa.get_business_phone_numbers()),
        ("/{Version}/{Phone-Number-ID}", lambda wa: wa.get_business_phone_number()),
        ("/{Version}/{Phone-Number-ID}/whatsapp_business_profile", lambda wa: wa.get_business_profile()),
        ("/{Version}/{Phone-Number-ID}/whatsapp_commerce_settings", lambda wa: wa.get_commerce_settings()),
        ("/{Version}/{Phone-Number-ID}/message_qrdls", lambda wa: wa.get_qr_codes()),
        ("/{Version}/{WABA-ID}/subscribed_apps", lambda wa: wa.api.get_waba_subscribed_apps(wa.waba_id)),
        ("/{Version}/{Media-ID}", lambda wa: wa.get_media_url(wa.upload_media(PNG, "image/png").id)),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_an_answer_fits_metas_file(wa: WhatsApp, simulator: GraphSimulator, path: str, call: Call) -> None:
    from local.simulators.meta_schema import MetaSchema

    call(wa)
    assert MetaSchema(OPENAPI).answer_errors(path, simulator.requests[-1]["answer"]["body"]) == []
