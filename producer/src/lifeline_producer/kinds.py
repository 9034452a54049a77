"""Typed builders, one per kind of message.

Written by ``make schema`` from Lifeline's contract: do not edit.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, Required, TypedDict

from lifeline_producer.draft import Draft, Instant

__all__ = [
    "Audio",
    "ButtonsAction",
    "Card",
    "Contact",
    "ContactAddress",
    "ContactEmail",
    "ContactName",
    "ContactOrg",
    "ContactPhone",
    "ContactUrl",
    "CopyCodeButton",
    "Document",
    "DocumentHeader",
    "Fallback",
    "FallbackText",
    "FlowAction",
    "FlowButton",
    "FlowParameters",
    "FlowStart",
    "HeaderDocument",
    "HeaderImage",
    "HeaderVideo",
    "Image",
    "ImageHeader",
    "InteractiveBody",
    "InteractiveButtons",
    "InteractiveFlow",
    "InteractiveFooter",
    "InteractiveLink",
    "InteractiveList",
    "InteractiveLocationRequest",
    "InteractiveProduct",
    "InteractiveProductList",
    "LimitedTimeOffer",
    "LinkAction",
    "LinkParameters",
    "ListAction",
    "ListRow",
    "ListSection",
    "Location",
    "LocationHeader",
    "LocationRequestAction",
    "Priority",
    "ProductAction",
    "ProductItem",
    "ProductListAction",
    "ProductSection",
    "QuickReplyButton",
    "QuietHours",
    "Reaction",
    "Recipient",
    "Reply",
    "ReplyButton",
    "Sticker",
    "Template",
    "TemplateTextHeader",
    "TextHeader",
    "UrlButton",
    "Video",
    "VideoHeader",
    "audio",
    "contacts",
    "document",
    "image",
    "interactive",
    "location",
    "reaction",
    "sticker",
    "template",
    "text",
    "video",
    "voice",
]

Priority = Literal["critical", "normal", "bulk"]


class TemplateTextHeader(TypedDict, total=False):
    """The ``templatetextheader`` of a message."""

    type: Required[Literal["text"]]
    text: Required[str]
    parameter_name: str
    """The placeholder's name, in a template with named ones."""


class HeaderImage(TypedDict, total=False):
    """The ``headerimage`` of a message."""

    id: str
    """The id of an uploaded medium, good for 30 days."""
    link: str
    """An https address from which Meta fetches it, without a login."""


class ImageHeader(TypedDict, total=False):
    """The ``imageheader`` of a message."""

    type: Required[Literal["image"]]
    image: Required[HeaderImage]


class HeaderVideo(TypedDict, total=False):
    """The ``headervideo`` of a message."""

    id: str
    """The id of an uploaded medium, good for 30 days."""
    link: str
    """An https address from which Meta fetches it, without a login."""


class VideoHeader(TypedDict, total=False):
    """The ``videoheader`` of a message."""

    type: Required[Literal["video"]]
    video: Required[HeaderVideo]


class HeaderDocument(TypedDict, total=False):
    """The ``headerdocument`` of a message."""

    id: str
    """The id of an uploaded medium, good for 30 days."""
    link: str
    """An https address from which Meta fetches it, without a login."""
    filename: str
    """What the file is called on the person's phone."""


class DocumentHeader(TypedDict, total=False):
    """The ``documentheader`` of a message."""

    type: Required[Literal["document"]]
    document: Required[HeaderDocument]


class Location(TypedDict, total=False):
    """The ``location`` of a message."""

    latitude: Required[float]
    longitude: Required[float]
    name: str
    address: str


class LocationHeader(TypedDict, total=False):
    """The ``locationheader`` of a message."""

    type: Required[Literal["location"]]
    location: Required[Location]


class UrlButton(TypedDict, total=False):
    """The ``urlbutton`` of a message."""

    type: Required[Literal["url"]]
    index: float
    """The button's place in the template, from 0; default: its place in this list."""
    text: Required[str]
    """What the address ends in; the code of a one-time password."""


class QuickReplyButton(TypedDict, total=False):
    """The ``quickreplybutton`` of a message."""

    type: Required[Literal["quick_reply"]]
    index: float
    """The button's place in the template, from 0; default: its place in this list."""
    payload: Required[str]
    """What comes back when it is pressed."""


class CopyCodeButton(TypedDict, total=False):
    """The ``copycodebutton`` of a message."""

    type: Required[Literal["copy_code"]]
    index: float
    """The button's place in the template, from 0; default: its place in this list."""
    coupon_code: Required[str]


class FlowButton(TypedDict, total=False):
    """The ``flowbutton`` of a message."""

    type: Required[Literal["flow"]]
    index: float
    """The button's place in the template, from 0; default: its place in this list."""
    flow_token: str
    """Comes back with the answers."""
    flow_action_data: Mapping[str, Any]


class LimitedTimeOffer(TypedDict, total=False):
    """The ``limitedtimeoffer`` of a message."""

    expires_at: Required[Instant]
    """When the offer ends."""


class Card(TypedDict, total=False):
    """The ``card`` of a message."""

    header: Required[ImageHeader | VideoHeader]
    parameters: Sequence[str | float] | Mapping[str, str | float]
    """Values of the body's placeholders: a list in their order, or an object by their names. No line
    break, no tab, at most four spaces in a row."""
    buttons: Sequence[UrlButton | QuickReplyButton | CopyCodeButton | FlowButton]
    """Values of the template's buttons; those that take none are left out."""


class Template(TypedDict, total=False):
    """The ``template`` of a message."""

    name: Required[str]
    language: Required[str]
    parameters: Sequence[str | float] | Mapping[str, str | float]
    """Values of the body's placeholders: a list in their order, or an object by their names. No line
    break, no tab, at most four spaces in a row."""
    header: TemplateTextHeader | ImageHeader | VideoHeader | DocumentHeader | LocationHeader
    """The value of the template's header: a text, a medium or a place."""
    buttons: Sequence[UrlButton | QuickReplyButton | CopyCodeButton | FlowButton]
    """Values of the template's buttons; those that take none are left out."""
    limited_time_offer: LimitedTimeOffer
    carousel: Sequence[Card]
    """Values of each card, in order."""
    components: Sequence[Mapping[str, Any]]
    """Graph-native components, passed on as they are, instead of all other values."""


class Image(TypedDict, total=False):
    """The ``image`` of a message."""

    id: str
    """The id of an uploaded medium, good for 30 days."""
    link: str
    """An https address from which Meta fetches it, without a login."""
    caption: str


class Document(TypedDict, total=False):
    """The ``document`` of a message."""

    id: str
    """The id of an uploaded medium, good for 30 days."""
    link: str
    """An https address from which Meta fetches it, without a login."""
    caption: str
    filename: str
    """What the file is called on the person's phone."""


class Video(TypedDict, total=False):
    """The ``video`` of a message."""

    id: str
    """The id of an uploaded medium, good for 30 days."""
    link: str
    """An https address from which Meta fetches it, without a login."""
    caption: str


class Audio(TypedDict, total=False):
    """The ``audio`` of a message."""

    id: str
    """The id of an uploaded medium, good for 30 days."""
    link: str
    """An https address from which Meta fetches it, without a login."""


class Sticker(TypedDict, total=False):
    """The ``sticker`` of a message."""

    id: str
    """The id of an uploaded medium, good for 30 days."""
    link: str
    """An https address from which Meta fetches it, without a login."""


class ContactName(TypedDict, total=False):
    """The ``contactname`` of a message."""

    formatted_name: Required[str]
    """The whole name; one of its parts is needed beside it."""
    first_name: str
    last_name: str
    middle_name: str
    prefix: str
    suffix: str


class ContactPhone(TypedDict, total=False):
    """The ``contactphone`` of a message."""

    phone: Required[str]
    type: str
    """HOME, WORK or a word of your own."""
    wa_id: str


class ContactEmail(TypedDict, total=False):
    """The ``contactemail`` of a message."""

    email: Required[str]
    type: str
    """HOME, WORK or a word of your own."""


class ContactUrl(TypedDict, total=False):
    """The ``contacturl`` of a message."""

    url: Required[str]
    type: str
    """HOME, WORK or a word of your own."""


class ContactAddress(TypedDict, total=False):
    """The ``contactaddress`` of a message."""

    street: str
    city: str
    state: str
    zip: str
    country: str
    country_code: str
    type: str
    """HOME, WORK or a word of your own."""


class ContactOrg(TypedDict, total=False):
    """The ``contactorg`` of a message."""

    company: str
    department: str
    title: str


class Contact(TypedDict, total=False):
    """The ``contact`` of a message."""

    name: Required[ContactName]
    phones: Sequence[ContactPhone]
    emails: Sequence[ContactEmail]
    urls: Sequence[ContactUrl]
    addresses: Sequence[ContactAddress]
    org: ContactOrg
    birthday: str


class TextHeader(TypedDict, total=False):
    """The ``textheader`` of a message."""

    type: Required[Literal["text"]]
    text: Required[str]


class InteractiveBody(TypedDict, total=False):
    """The ``interactivebody`` of a message."""

    text: Required[str]


class InteractiveFooter(TypedDict, total=False):
    """The ``interactivefooter`` of a message."""

    text: Required[str]


class Reply(TypedDict, total=False):
    """The ``reply`` of a message."""

    id: Required[str]
    """What comes back when it is pressed."""
    title: Required[str]


class ReplyButton(TypedDict, total=False):
    """The ``replybutton`` of a message."""

    type: Required[Literal["reply"]]
    reply: Required[Reply]


class ButtonsAction(TypedDict, total=False):
    """The ``buttonsaction`` of a message."""

    buttons: Required[Sequence[ReplyButton]]


class InteractiveButtons(TypedDict, total=False):
    """The ``interactivebuttons`` of a message."""

    type: Required[Literal["button"]]
    header: TextHeader | ImageHeader | VideoHeader | DocumentHeader
    body: Required[InteractiveBody]
    footer: InteractiveFooter
    action: Required[ButtonsAction]


class ListRow(TypedDict, total=False):
    """The ``listrow`` of a message."""

    id: Required[str]
    """What comes back when it is chosen."""
    title: Required[str]
    description: str


class ListSection(TypedDict, total=False):
    """The ``listsection`` of a message."""

    title: str
    rows: Required[Sequence[ListRow]]


class ListAction(TypedDict, total=False):
    """The ``listaction`` of a message."""

    button: Required[str]
    """Opens the list."""
    sections: Required[Sequence[ListSection]]


class InteractiveList(TypedDict, total=False):
    """The ``interactivelist`` of a message."""

    type: Required[Literal["list"]]
    header: TextHeader
    body: Required[InteractiveBody]
    footer: InteractiveFooter
    action: Required[ListAction]


class LinkParameters(TypedDict, total=False):
    """The ``linkparameters`` of a message."""

    display_text: Required[str]
    url: Required[str]


class LinkAction(TypedDict, total=False):
    """The ``linkaction`` of a message."""

    name: Required[Literal["cta_url"]]
    parameters: Required[LinkParameters]


class InteractiveLink(TypedDict, total=False):
    """The ``interactivelink`` of a message."""

    type: Required[Literal["cta_url"]]
    header: TextHeader | ImageHeader | VideoHeader | DocumentHeader
    body: Required[InteractiveBody]
    footer: InteractiveFooter
    action: Required[LinkAction]


class FlowStart(TypedDict, total=False):
    """The ``flowstart`` of a message."""

    screen: Required[str]
    data: Mapping[str, Any]


class FlowParameters(TypedDict, total=False):
    """The ``flowparameters`` of a message."""

    flow_message_version: Required[Literal["3"]]
    flow_id: str
    flow_name: str
    flow_cta: Required[str]
    """The button's text."""
    mode: Literal["draft", "published"]
    flow_token: str
    """Comes back with the answers."""
    flow_action: Literal["navigate", "data_exchange"]
    flow_action_payload: FlowStart


class FlowAction(TypedDict, total=False):
    """The ``flowaction`` of a message."""

    name: Required[Literal["flow"]]
    parameters: Required[FlowParameters]


class InteractiveFlow(TypedDict, total=False):
    """The ``interactiveflow`` of a message."""

    type: Required[Literal["flow"]]
    header: TextHeader | ImageHeader | VideoHeader | DocumentHeader
    body: Required[InteractiveBody]
    footer: InteractiveFooter
    action: Required[FlowAction]


class LocationRequestAction(TypedDict, total=False):
    """The ``locationrequestaction`` of a message."""

    name: Required[Literal["send_location"]]


class InteractiveLocationRequest(TypedDict, total=False):
    """The ``interactivelocationrequest`` of a message."""

    type: Required[Literal["location_request_message"]]
    body: Required[InteractiveBody]
    action: Required[LocationRequestAction]


class ProductAction(TypedDict, total=False):
    """The ``productaction`` of a message."""

    catalog_id: Required[str]
    product_retailer_id: Required[str]


class InteractiveProduct(TypedDict, total=False):
    """The ``interactiveproduct`` of a message."""

    type: Required[Literal["product"]]
    body: InteractiveBody
    footer: InteractiveFooter
    action: Required[ProductAction]


class ProductItem(TypedDict, total=False):
    """The ``productitem`` of a message."""

    product_retailer_id: Required[str]


class ProductSection(TypedDict, total=False):
    """The ``productsection`` of a message."""

    title: str
    product_items: Required[Sequence[ProductItem]]


class ProductListAction(TypedDict, total=False):
    """The ``productlistaction`` of a message."""

    catalog_id: Required[str]
    sections: Required[Sequence[ProductSection]]


class InteractiveProductList(TypedDict, total=False):
    """The ``interactiveproductlist`` of a message."""

    type: Required[Literal["product_list"]]
    header: Required[TextHeader]
    body: Required[InteractiveBody]
    footer: InteractiveFooter
    action: Required[ProductListAction]


class Reaction(TypedDict, total=False):
    """The ``reaction`` of a message."""

    message_id: Required[str]
    """The wamid of the message that it is about."""
    emoji: Required[str]
    """One emoji; empty removes the reaction."""


class QuietHours(TypedDict, total=False):
    """Local hours in which what can wait is not sent; equal ones: none."""

    start: Required[float]
    end: Required[float]


class Recipient(TypedDict, total=False):
    """The ``recipient`` of a message."""

    user_id: str
    push_endpoint: str | Sequence[str]
    """One, or a list of up to 10: each is told."""
    email: str
    sms_number: str
    bsuid: str
    """Meta's business-scoped user id; used where to is missing."""
    quiet_hours: QuietHours
    """Local hours in which what can wait is not sent; equal ones: none."""
    language: str
    """The person's language (de, pt_BR), by which fallback.translations are chosen; default: the
    contact's."""
    time_zone: str
    """IANA name, for quiet hours; default: the contact's, then the zones of the number's or the bsuid's
    country."""


class FallbackText(TypedDict, total=False):
    """The ``fallbacktext`` of a message."""

    title: str
    body: Required[str]


class Fallback(TypedDict, total=False):
    """The ``fallback`` of a message."""

    title: str
    body: str
    translations: Mapping[str, FallbackText]
    """By language (de, pt_BR): what is said instead of title and body to a person of that language."""
    after: float
    """Seconds after which Lifeline sends the fallback although WhatsApp accepted the message, if no device
    has it by then; default: the deployment's, for critical ones."""


def template(
    *,
    id: str,
    template: Template,
    to: str | None = None,
    text: str | None = None,
    reply_to: str | None = None,
    priority: Priority | None = None,
    category: str | None = None,
    recipient: Recipient | None = None,
    fallback: Fallback | None = None,
    expires_at: Instant | None = None,
    send_after: Instant | None = None,
    campaign: str | None = None,
    metadata: Mapping[str, Any] | None = None,
) -> Draft:
    """A message of type ``template``, checked when it is sent.

    id: The producer's idempotency key: one id is delivered once. lifeline: is reserved.
    to: Phone number, normalised to E.164; a national one takes the default region. Digits are 0 to 9.
        Needed where recipient.bsuid is missing.
    text: Text of a text or voice message; for another kind, the text of a fallback.
    reply_to: The wamid of the message that it answers.
    expires_at: Never deliver later than this.
    send_after: Never deliver before this.
    metadata: The producer's own object, up to 1 KB of JSON: each outcome returns it unchanged.
    """
    return Draft(
        {
            "type": "template",
            "id": id,
            "to": to,
            "template": template,
            "text": text,
            "reply_to": reply_to,
            "priority": priority,
            "category": category,
            "recipient": recipient,
            "fallback": fallback,
            "expires_at": expires_at,
            "send_after": send_after,
            "campaign": campaign,
            "metadata": metadata,
        }
    )


def text(
    *,
    id: str,
    text: str,
    to: str | None = None,
    preview_url: bool | None = None,
    reply_to: str | None = None,
    priority: Priority | None = None,
    category: str | None = None,
    recipient: Recipient | None = None,
    fallback: Fallback | None = None,
    expires_at: Instant | None = None,
    send_after: Instant | None = None,
    campaign: str | None = None,
    metadata: Mapping[str, Any] | None = None,
) -> Draft:
    """A message of type ``text``, checked when it is sent.

    id: The producer's idempotency key: one id is delivered once. lifeline: is reserved.
    text: Text of a text or voice message; for another kind, the text of a fallback.
    to: Phone number, normalised to E.164; a national one takes the default region. Digits are 0 to 9.
        Needed where recipient.bsuid is missing.
    preview_url: Show a preview of its first link.
    reply_to: The wamid of the message that it answers.
    expires_at: Never deliver later than this.
    send_after: Never deliver before this.
    metadata: The producer's own object, up to 1 KB of JSON: each outcome returns it unchanged.
    """
    return Draft(
        {
            "type": "text",
            "id": id,
            "to": to,
            "text": text,
            "preview_url": preview_url,
            "reply_to": reply_to,
            "priority": priority,
            "category": category,
            "recipient": recipient,
            "fallback": fallback,
            "expires_at": expires_at,
            "send_after": send_after,
            "campaign": campaign,
            "metadata": metadata,
        }
    )


def voice(
    *,
    id: str,
    text: str,
    to: str | None = None,
    reply_to: str | None = None,
    priority: Priority | None = None,
    category: str | None = None,
    recipient: Recipient | None = None,
    fallback: Fallback | None = None,
    expires_at: Instant | None = None,
    send_after: Instant | None = None,
    campaign: str | None = None,
    metadata: Mapping[str, Any] | None = None,
) -> Draft:
    """A message of type ``voice``, checked when it is sent.

    id: The producer's idempotency key: one id is delivered once. lifeline: is reserved.
    text: Text of a text or voice message; for another kind, the text of a fallback.
    to: Phone number, normalised to E.164; a national one takes the default region. Digits are 0 to 9.
        Needed where recipient.bsuid is missing.
    reply_to: The wamid of the message that it answers.
    expires_at: Never deliver later than this.
    send_after: Never deliver before this.
    metadata: The producer's own object, up to 1 KB of JSON: each outcome returns it unchanged.
    """
    return Draft(
        {
            "type": "voice",
            "id": id,
            "to": to,
            "text": text,
            "reply_to": reply_to,
            "priority": priority,
            "category": category,
            "recipient": recipient,
            "fallback": fallback,
            "expires_at": expires_at,
            "send_after": send_after,
            "campaign": campaign,
            "metadata": metadata,
        }
    )


def image(
    *,
    id: str,
    image: Image,
    to: str | None = None,
    text: str | None = None,
    reply_to: str | None = None,
    priority: Priority | None = None,
    category: str | None = None,
    recipient: Recipient | None = None,
    fallback: Fallback | None = None,
    expires_at: Instant | None = None,
    send_after: Instant | None = None,
    campaign: str | None = None,
    metadata: Mapping[str, Any] | None = None,
) -> Draft:
    """A message of type ``image``, checked when it is sent.

    id: The producer's idempotency key: one id is delivered once. lifeline: is reserved.
    to: Phone number, normalised to E.164; a national one takes the default region. Digits are 0 to 9.
        Needed where recipient.bsuid is missing.
    text: Text of a text or voice message; for another kind, the text of a fallback.
    reply_to: The wamid of the message that it answers.
    expires_at: Never deliver later than this.
    send_after: Never deliver before this.
    metadata: The producer's own object, up to 1 KB of JSON: each outcome returns it unchanged.
    """
    return Draft(
        {
            "type": "image",
            "id": id,
            "to": to,
            "text": text,
            "image": image,
            "reply_to": reply_to,
            "priority": priority,
            "category": category,
            "recipient": recipient,
            "fallback": fallback,
            "expires_at": expires_at,
            "send_after": send_after,
            "campaign": campaign,
            "metadata": metadata,
        }
    )


def document(
    *,
    id: str,
    document: Document,
    to: str | None = None,
    text: str | None = None,
    reply_to: str | None = None,
    priority: Priority | None = None,
    category: str | None = None,
    recipient: Recipient | None = None,
    fallback: Fallback | None = None,
    expires_at: Instant | None = None,
    send_after: Instant | None = None,
    campaign: str | None = None,
    metadata: Mapping[str, Any] | None = None,
) -> Draft:
    """A message of type ``document``, checked when it is sent.

    id: The producer's idempotency key: one id is delivered once. lifeline: is reserved.
    to: Phone number, normalised to E.164; a national one takes the default region. Digits are 0 to 9.
        Needed where recipient.bsuid is missing.
    text: Text of a text or voice message; for another kind, the text of a fallback.
    reply_to: The wamid of the message that it answers.
    expires_at: Never deliver later than this.
    send_after: Never deliver before this.
    metadata: The producer's own object, up to 1 KB of JSON: each outcome returns it unchanged.
    """
    return Draft(
        {
            "type": "document",
            "id": id,
            "to": to,
            "text": text,
            "document": document,
            "reply_to": reply_to,
            "priority": priority,
            "category": category,
            "recipient": recipient,
            "fallback": fallback,
            "expires_at": expires_at,
            "send_after": send_after,
            "campaign": campaign,
            "metadata": metadata,
        }
    )


def video(
    *,
    id: str,
    video: Video,
    to: str | None = None,
    text: str | None = None,
    reply_to: str | None = None,
    priority: Priority | None = None,
    category: str | None = None,
    recipient: Recipient | None = None,
    fallback: Fallback | None = None,
    expires_at: Instant | None = None,
    send_after: Instant | None = None,
    campaign: str | None = None,
    metadata: Mapping[str, Any] | None = None,
) -> Draft:
    """A message of type ``video``, checked when it is sent.

    id: The producer's idempotency key: one id is delivered once. lifeline: is reserved.
    to: Phone number, normalised to E.164; a national one takes the default region. Digits are 0 to 9.
        Needed where recipient.bsuid is missing.
    text: Text of a text or voice message; for another kind, the text of a fallback.
    reply_to: The wamid of the message that it answers.
    expires_at: Never deliver later than this.
    send_after: Never deliver before this.
    metadata: The producer's own object, up to 1 KB of JSON: each outcome returns it unchanged.
    """
    return Draft(
        {
            "type": "video",
            "id": id,
            "to": to,
            "text": text,
            "video": video,
            "reply_to": reply_to,
            "priority": priority,
            "category": category,
            "recipient": recipient,
            "fallback": fallback,
            "expires_at": expires_at,
            "send_after": send_after,
            "campaign": campaign,
            "metadata": metadata,
        }
    )


def audio(
    *,
    id: str,
    audio: Audio,
    to: str | None = None,
    text: str | None = None,
    reply_to: str | None = None,
    priority: Priority | None = None,
    category: str | None = None,
    recipient: Recipient | None = None,
    fallback: Fallback | None = None,
    expires_at: Instant | None = None,
    send_after: Instant | None = None,
    campaign: str | None = None,
    metadata: Mapping[str, Any] | None = None,
) -> Draft:
    """A message of type ``audio``, checked when it is sent.

    id: The producer's idempotency key: one id is delivered once. lifeline: is reserved.
    to: Phone number, normalised to E.164; a national one takes the default region. Digits are 0 to 9.
        Needed where recipient.bsuid is missing.
    text: Text of a text or voice message; for another kind, the text of a fallback.
    reply_to: The wamid of the message that it answers.
    expires_at: Never deliver later than this.
    send_after: Never deliver before this.
    metadata: The producer's own object, up to 1 KB of JSON: each outcome returns it unchanged.
    """
    return Draft(
        {
            "type": "audio",
            "id": id,
            "to": to,
            "text": text,
            "audio": audio,
            "reply_to": reply_to,
            "priority": priority,
            "category": category,
            "recipient": recipient,
            "fallback": fallback,
            "expires_at": expires_at,
            "send_after": send_after,
            "campaign": campaign,
            "metadata": metadata,
        }
    )


def sticker(
    *,
    id: str,
    sticker: Sticker,
    to: str | None = None,
    text: str | None = None,
    reply_to: str | None = None,
    priority: Priority | None = None,
    category: str | None = None,
    recipient: Recipient | None = None,
    fallback: Fallback | None = None,
    expires_at: Instant | None = None,
    send_after: Instant | None = None,
    campaign: str | None = None,
    metadata: Mapping[str, Any] | None = None,
) -> Draft:
    """A message of type ``sticker``, checked when it is sent.

    id: The producer's idempotency key: one id is delivered once. lifeline: is reserved.
    to: Phone number, normalised to E.164; a national one takes the default region. Digits are 0 to 9.
        Needed where recipient.bsuid is missing.
    text: Text of a text or voice message; for another kind, the text of a fallback.
    reply_to: The wamid of the message that it answers.
    expires_at: Never deliver later than this.
    send_after: Never deliver before this.
    metadata: The producer's own object, up to 1 KB of JSON: each outcome returns it unchanged.
    """
    return Draft(
        {
            "type": "sticker",
            "id": id,
            "to": to,
            "text": text,
            "sticker": sticker,
            "reply_to": reply_to,
            "priority": priority,
            "category": category,
            "recipient": recipient,
            "fallback": fallback,
            "expires_at": expires_at,
            "send_after": send_after,
            "campaign": campaign,
            "metadata": metadata,
        }
    )


def location(
    *,
    id: str,
    location: Location,
    to: str | None = None,
    text: str | None = None,
    reply_to: str | None = None,
    priority: Priority | None = None,
    category: str | None = None,
    recipient: Recipient | None = None,
    fallback: Fallback | None = None,
    expires_at: Instant | None = None,
    send_after: Instant | None = None,
    campaign: str | None = None,
    metadata: Mapping[str, Any] | None = None,
) -> Draft:
    """A message of type ``location``, checked when it is sent.

    id: The producer's idempotency key: one id is delivered once. lifeline: is reserved.
    to: Phone number, normalised to E.164; a national one takes the default region. Digits are 0 to 9.
        Needed where recipient.bsuid is missing.
    text: Text of a text or voice message; for another kind, the text of a fallback.
    reply_to: The wamid of the message that it answers.
    expires_at: Never deliver later than this.
    send_after: Never deliver before this.
    metadata: The producer's own object, up to 1 KB of JSON: each outcome returns it unchanged.
    """
    return Draft(
        {
            "type": "location",
            "id": id,
            "to": to,
            "text": text,
            "location": location,
            "reply_to": reply_to,
            "priority": priority,
            "category": category,
            "recipient": recipient,
            "fallback": fallback,
            "expires_at": expires_at,
            "send_after": send_after,
            "campaign": campaign,
            "metadata": metadata,
        }
    )


def contacts(
    *,
    id: str,
    contacts: Sequence[Contact],
    to: str | None = None,
    text: str | None = None,
    reply_to: str | None = None,
    priority: Priority | None = None,
    category: str | None = None,
    recipient: Recipient | None = None,
    fallback: Fallback | None = None,
    expires_at: Instant | None = None,
    send_after: Instant | None = None,
    campaign: str | None = None,
    metadata: Mapping[str, Any] | None = None,
) -> Draft:
    """A message of type ``contacts``, checked when it is sent.

    id: The producer's idempotency key: one id is delivered once. lifeline: is reserved.
    to: Phone number, normalised to E.164; a national one takes the default region. Digits are 0 to 9.
        Needed where recipient.bsuid is missing.
    text: Text of a text or voice message; for another kind, the text of a fallback.
    reply_to: The wamid of the message that it answers.
    expires_at: Never deliver later than this.
    send_after: Never deliver before this.
    metadata: The producer's own object, up to 1 KB of JSON: each outcome returns it unchanged.
    """
    return Draft(
        {
            "type": "contacts",
            "id": id,
            "to": to,
            "text": text,
            "contacts": contacts,
            "reply_to": reply_to,
            "priority": priority,
            "category": category,
            "recipient": recipient,
            "fallback": fallback,
            "expires_at": expires_at,
            "send_after": send_after,
            "campaign": campaign,
            "metadata": metadata,
        }
    )


def interactive(
    *,
    id: str,
    interactive: InteractiveButtons
    | InteractiveList
    | InteractiveLink
    | InteractiveFlow
    | InteractiveLocationRequest
    | InteractiveProduct
    | InteractiveProductList,
    to: str | None = None,
    text: str | None = None,
    reply_to: str | None = None,
    priority: Priority | None = None,
    category: str | None = None,
    recipient: Recipient | None = None,
    fallback: Fallback | None = None,
    expires_at: Instant | None = None,
    send_after: Instant | None = None,
    campaign: str | None = None,
    metadata: Mapping[str, Any] | None = None,
) -> Draft:
    """A message of type ``interactive``, checked when it is sent.

    id: The producer's idempotency key: one id is delivered once. lifeline: is reserved.
    interactive: As Meta has it. Ids and titles of buttons differ, and so do ids of rows; a list has at
        most 10 rows in all its sections, a product list 30 products.
    to: Phone number, normalised to E.164; a national one takes the default region. Digits are 0 to 9.
        Needed where recipient.bsuid is missing.
    text: Text of a text or voice message; for another kind, the text of a fallback.
    reply_to: The wamid of the message that it answers.
    expires_at: Never deliver later than this.
    send_after: Never deliver before this.
    metadata: The producer's own object, up to 1 KB of JSON: each outcome returns it unchanged.
    """
    return Draft(
        {
            "type": "interactive",
            "id": id,
            "to": to,
            "text": text,
            "interactive": interactive,
            "reply_to": reply_to,
            "priority": priority,
            "category": category,
            "recipient": recipient,
            "fallback": fallback,
            "expires_at": expires_at,
            "send_after": send_after,
            "campaign": campaign,
            "metadata": metadata,
        }
    )


def reaction(
    *,
    id: str,
    reaction: Reaction,
    to: str | None = None,
    text: str | None = None,
    priority: Priority | None = None,
    category: str | None = None,
    recipient: Recipient | None = None,
    fallback: Fallback | None = None,
    expires_at: Instant | None = None,
    send_after: Instant | None = None,
    campaign: str | None = None,
    metadata: Mapping[str, Any] | None = None,
) -> Draft:
    """A message of type ``reaction``, checked when it is sent.

    id: The producer's idempotency key: one id is delivered once. lifeline: is reserved.
    to: Phone number, normalised to E.164; a national one takes the default region. Digits are 0 to 9.
        Needed where recipient.bsuid is missing.
    text: Text of a text or voice message; for another kind, the text of a fallback.
    expires_at: Never deliver later than this.
    send_after: Never deliver before this.
    metadata: The producer's own object, up to 1 KB of JSON: each outcome returns it unchanged.
    """
    return Draft(
        {
            "type": "reaction",
            "id": id,
            "to": to,
            "text": text,
            "reaction": reaction,
            "priority": priority,
            "category": category,
            "recipient": recipient,
            "fallback": fallback,
            "expires_at": expires_at,
            "send_after": send_after,
            "campaign": campaign,
            "metadata": metadata,
        }
    )
