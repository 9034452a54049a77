// Messages to Lifeline, outcomes from it, and inbound messages.
// Written by `make schema` from Lifeline's contract: do not edit.

/** ISO 8601 with a zone: "2030-03-04T08:00:00Z". */
export type Instant = string;

export type Json = { readonly [name: string]: unknown };

export interface TemplateTextHeader {
  readonly type: "text";
  readonly text: string;
  /** The placeholder's name, in a template with named ones. */
  readonly parameter_name?: string;
}

export interface HeaderImage {
  /** The id of an uploaded medium, good for 30 days. */
  readonly id?: string;
  /** An https address from which Meta fetches it, without a login. */
  readonly link?: string;
}

export interface ImageHeader {
  readonly type: "image";
  readonly image: HeaderImage;
}

export interface HeaderVideo {
  /** The id of an uploaded medium, good for 30 days. */
  readonly id?: string;
  /** An https address from which Meta fetches it, without a login. */
  readonly link?: string;
}

export interface VideoHeader {
  readonly type: "video";
  readonly video: HeaderVideo;
}

export interface HeaderDocument {
  /** The id of an uploaded medium, good for 30 days. */
  readonly id?: string;
  /** An https address from which Meta fetches it, without a login. */
  readonly link?: string;
  /** What the file is called on the person's phone. */
  readonly filename?: string;
}

export interface DocumentHeader {
  readonly type: "document";
  readonly document: HeaderDocument;
}

export interface Location {
  readonly latitude: number;
  readonly longitude: number;
  readonly name?: string;
  readonly address?: string;
}

export interface LocationHeader {
  readonly type: "location";
  readonly location: Location;
}

export interface UrlButton {
  readonly type: "url";
  /** The button's place in the template, from 0; default: its place in this list. */
  readonly index?: number;
  /** What the address ends in; the code of a one-time password. */
  readonly text: string;
}

export interface QuickReplyButton {
  readonly type: "quick_reply";
  /** The button's place in the template, from 0; default: its place in this list. */
  readonly index?: number;
  /** What comes back when it is pressed. */
  readonly payload: string;
}

export interface CopyCodeButton {
  readonly type: "copy_code";
  /** The button's place in the template, from 0; default: its place in this list. */
  readonly index?: number;
  readonly coupon_code: string;
}

export interface FlowButton {
  readonly type: "flow";
  /** The button's place in the template, from 0; default: its place in this list. */
  readonly index?: number;
  /** Comes back with the answers. */
  readonly flow_token?: string;
  readonly flow_action_data?: Json;
}

export interface LimitedTimeOffer {
  /** When the offer ends. */
  readonly expires_at: Instant;
}

export interface Card {
  readonly header: ImageHeader | VideoHeader;
  /**
   * Values of the body's placeholders: a list in their order, or an object by their names. No line break, no
   * tab, at most four spaces in a row.
   */
  readonly parameters?: readonly (string | number)[] | { readonly [name: string]: string | number };
  /** Values of the template's buttons; those that take none are left out. */
  readonly buttons?: readonly (UrlButton | QuickReplyButton | CopyCodeButton | FlowButton)[];
}

export interface Template {
  readonly name: string;
  readonly language: string;
  /**
   * Values of the body's placeholders: a list in their order, or an object by their names. No line break, no
   * tab, at most four spaces in a row.
   */
  readonly parameters?: readonly (string | number)[] | { readonly [name: string]: string | number };
  /** The value of the template's header: a text, a medium or a place. */
  readonly header?: TemplateTextHeader | ImageHeader | VideoHeader | DocumentHeader | LocationHeader;
  /** Values of the template's buttons; those that take none are left out. */
  readonly buttons?: readonly (UrlButton | QuickReplyButton | CopyCodeButton | FlowButton)[];
  readonly limited_time_offer?: LimitedTimeOffer;
  /** Values of each card, in order. */
  readonly carousel?: readonly Card[];
  /** Graph-native components, passed on as they are, instead of all other values. */
  readonly components?: readonly Json[];
}

export interface Image {
  /** The id of an uploaded medium, good for 30 days. */
  readonly id?: string;
  /** An https address from which Meta fetches it, without a login. */
  readonly link?: string;
  readonly caption?: string;
}

export interface Document {
  /** The id of an uploaded medium, good for 30 days. */
  readonly id?: string;
  /** An https address from which Meta fetches it, without a login. */
  readonly link?: string;
  readonly caption?: string;
  /** What the file is called on the person's phone. */
  readonly filename?: string;
}

export interface Video {
  /** The id of an uploaded medium, good for 30 days. */
  readonly id?: string;
  /** An https address from which Meta fetches it, without a login. */
  readonly link?: string;
  readonly caption?: string;
}

export interface Audio {
  /** The id of an uploaded medium, good for 30 days. */
  readonly id?: string;
  /** An https address from which Meta fetches it, without a login. */
  readonly link?: string;
}

export interface Sticker {
  /** The id of an uploaded medium, good for 30 days. */
  readonly id?: string;
  /** An https address from which Meta fetches it, without a login. */
  readonly link?: string;
}

export interface ContactName {
  /** The whole name; one of its parts is needed beside it. */
  readonly formatted_name: string;
  readonly first_name?: string;
  readonly last_name?: string;
  readonly middle_name?: string;
  readonly prefix?: string;
  readonly suffix?: string;
}

export interface ContactPhone {
  readonly phone: string;
  /** HOME, WORK or a word of your own. */
  readonly type?: string;
  readonly wa_id?: string;
}

export interface ContactEmail {
  readonly email: string;
  /** HOME, WORK or a word of your own. */
  readonly type?: string;
}

export interface ContactUrl {
  readonly url: string;
  /** HOME, WORK or a word of your own. */
  readonly type?: string;
}

export interface ContactAddress {
  readonly street?: string;
  readonly city?: string;
  readonly state?: string;
  readonly zip?: string;
  readonly country?: string;
  readonly country_code?: string;
  /** HOME, WORK or a word of your own. */
  readonly type?: string;
}

export interface ContactOrg {
  readonly company?: string;
  readonly department?: string;
  readonly title?: string;
}

export interface Contact {
  readonly name: ContactName;
  readonly phones?: readonly ContactPhone[];
  readonly emails?: readonly ContactEmail[];
  readonly urls?: readonly ContactUrl[];
  readonly addresses?: readonly ContactAddress[];
  readonly org?: ContactOrg;
  readonly birthday?: string;
}

export interface TextHeader {
  readonly type: "text";
  readonly text: string;
}

export interface InteractiveBody {
  readonly text: string;
}

export interface InteractiveFooter {
  readonly text: string;
}

export interface Reply {
  /** What comes back when it is pressed. */
  readonly id: string;
  readonly title: string;
}

export interface ReplyButton {
  readonly type: "reply";
  readonly reply: Reply;
}

export interface ButtonsAction {
  readonly buttons: readonly ReplyButton[];
}

export interface InteractiveButtons {
  readonly type: "button";
  readonly header?: TextHeader | ImageHeader | VideoHeader | DocumentHeader;
  readonly body: InteractiveBody;
  readonly footer?: InteractiveFooter;
  readonly action: ButtonsAction;
}

export interface ListRow {
  /** What comes back when it is chosen. */
  readonly id: string;
  readonly title: string;
  readonly description?: string;
}

export interface ListSection {
  readonly title?: string;
  readonly rows: readonly ListRow[];
}

export interface ListAction {
  /** Opens the list. */
  readonly button: string;
  readonly sections: readonly ListSection[];
}

export interface InteractiveList {
  readonly type: "list";
  readonly header?: TextHeader;
  readonly body: InteractiveBody;
  readonly footer?: InteractiveFooter;
  readonly action: ListAction;
}

export interface LinkParameters {
  readonly display_text: string;
  readonly url: string;
}

export interface LinkAction {
  readonly name: "cta_url";
  readonly parameters: LinkParameters;
}

export interface InteractiveLink {
  readonly type: "cta_url";
  readonly header?: TextHeader | ImageHeader | VideoHeader | DocumentHeader;
  readonly body: InteractiveBody;
  readonly footer?: InteractiveFooter;
  readonly action: LinkAction;
}

export interface FlowStart {
  readonly screen: string;
  readonly data?: Json;
}

export interface FlowParameters {
  readonly flow_message_version: "3";
  readonly flow_id?: string;
  readonly flow_name?: string;
  /** The button's text. */
  readonly flow_cta: string;
  readonly mode?: "draft" | "published";
  /** Comes back with the answers. */
  readonly flow_token?: string;
  readonly flow_action?: "navigate" | "data_exchange";
  readonly flow_action_payload?: FlowStart;
}

export interface FlowAction {
  readonly name: "flow";
  readonly parameters: FlowParameters;
}

export interface InteractiveFlow {
  readonly type: "flow";
  readonly header?: TextHeader | ImageHeader | VideoHeader | DocumentHeader;
  readonly body: InteractiveBody;
  readonly footer?: InteractiveFooter;
  readonly action: FlowAction;
}

export interface LocationRequestAction {
  readonly name: "send_location";
}

export interface InteractiveLocationRequest {
  readonly type: "location_request_message";
  readonly body: InteractiveBody;
  readonly action: LocationRequestAction;
}

export interface ProductAction {
  readonly catalog_id: string;
  readonly product_retailer_id: string;
}

export interface InteractiveProduct {
  readonly type: "product";
  readonly body?: InteractiveBody;
  readonly footer?: InteractiveFooter;
  readonly action: ProductAction;
}

export interface ProductItem {
  readonly product_retailer_id: string;
}

export interface ProductSection {
  readonly title?: string;
  readonly product_items: readonly ProductItem[];
}

export interface ProductListAction {
  readonly catalog_id: string;
  readonly sections: readonly ProductSection[];
}

export interface InteractiveProductList {
  readonly type: "product_list";
  readonly header: TextHeader;
  readonly body: InteractiveBody;
  readonly footer?: InteractiveFooter;
  readonly action: ProductListAction;
}

export interface Reaction {
  /** The wamid of the message that it is about. */
  readonly message_id: string;
  /** One emoji; empty removes the reaction. */
  readonly emoji: string;
}

/** Local hours in which what can wait is not sent; equal ones: none. */
export interface QuietHours {
  readonly start: number;
  readonly end: number;
}

export interface Recipient {
  readonly user_id?: string;
  /** One, or a list of up to 10: each is told. */
  readonly push_endpoint?: string | readonly string[];
  readonly email?: string;
  readonly sms_number?: string;
  /** Meta's business-scoped user id; used where to is missing. */
  readonly bsuid?: string;
  /** Local hours in which what can wait is not sent; equal ones: none. */
  readonly quiet_hours?: QuietHours;
  /** The person's language (de, pt_BR), by which fallback.translations are chosen; default: the contact's. */
  readonly language?: string;
  /**
   * IANA name, for quiet hours; default: the contact's, then the zones of the number's or the bsuid's
   * country.
   */
  readonly time_zone?: string;
}

export interface FallbackText {
  readonly title?: string;
  readonly body: string;
}

export interface Fallback {
  readonly title?: string;
  readonly body?: string;
  /** By language (de, pt_BR): what is said instead of title and body to a person of that language. */
  readonly translations?: { readonly [name: string]: FallbackText };
  /**
   * Seconds after which Lifeline sends the fallback although WhatsApp accepted the message, if no device has
   * it by then; default: the deployment's, for critical ones.
   */
  readonly after?: number;
}

/** A message of type template. */
export interface TemplateMessage {
  readonly type: "template";
  /** The producer's idempotency key: one id is delivered once. lifeline: is reserved. */
  readonly id: string;
  /**
   * Phone number, normalised to E.164; a national one takes the default region. Digits are 0 to 9. Needed
   * where recipient.bsuid is missing.
   */
  readonly to?: string;
  readonly template: Template;
  /** Text of a text or voice message; for another kind, the text of a fallback. */
  readonly text?: string;
  /** The wamid of the message that it answers. */
  readonly reply_to?: string;
  readonly priority?: "critical" | "normal" | "bulk";
  readonly category?: string;
  readonly recipient?: Recipient;
  readonly fallback?: Fallback;
  /** Never deliver later than this. */
  readonly expires_at?: Instant;
  /** Never deliver before this. */
  readonly send_after?: Instant;
  readonly campaign?: string;
  /** The producer's own object, up to 1 KB of JSON: each outcome returns it unchanged. */
  readonly metadata?: Json;
}

/** A message of type text. */
export interface TextMessage {
  readonly type: "text";
  /** The producer's idempotency key: one id is delivered once. lifeline: is reserved. */
  readonly id: string;
  /**
   * Phone number, normalised to E.164; a national one takes the default region. Digits are 0 to 9. Needed
   * where recipient.bsuid is missing.
   */
  readonly to?: string;
  /** Text of a text or voice message; for another kind, the text of a fallback. */
  readonly text: string;
  /** Show a preview of its first link. */
  readonly preview_url?: boolean;
  /** The wamid of the message that it answers. */
  readonly reply_to?: string;
  readonly priority?: "critical" | "normal" | "bulk";
  readonly category?: string;
  readonly recipient?: Recipient;
  readonly fallback?: Fallback;
  /** Never deliver later than this. */
  readonly expires_at?: Instant;
  /** Never deliver before this. */
  readonly send_after?: Instant;
  readonly campaign?: string;
  /** The producer's own object, up to 1 KB of JSON: each outcome returns it unchanged. */
  readonly metadata?: Json;
}

/** A message of type voice. */
export interface VoiceMessage {
  readonly type: "voice";
  /** The producer's idempotency key: one id is delivered once. lifeline: is reserved. */
  readonly id: string;
  /**
   * Phone number, normalised to E.164; a national one takes the default region. Digits are 0 to 9. Needed
   * where recipient.bsuid is missing.
   */
  readonly to?: string;
  /** Text of a text or voice message; for another kind, the text of a fallback. */
  readonly text: string;
  /** The wamid of the message that it answers. */
  readonly reply_to?: string;
  readonly priority?: "critical" | "normal" | "bulk";
  readonly category?: string;
  readonly recipient?: Recipient;
  readonly fallback?: Fallback;
  /** Never deliver later than this. */
  readonly expires_at?: Instant;
  /** Never deliver before this. */
  readonly send_after?: Instant;
  readonly campaign?: string;
  /** The producer's own object, up to 1 KB of JSON: each outcome returns it unchanged. */
  readonly metadata?: Json;
}

/** A message of type image. */
export interface ImageMessage {
  readonly type: "image";
  /** The producer's idempotency key: one id is delivered once. lifeline: is reserved. */
  readonly id: string;
  /**
   * Phone number, normalised to E.164; a national one takes the default region. Digits are 0 to 9. Needed
   * where recipient.bsuid is missing.
   */
  readonly to?: string;
  /** Text of a text or voice message; for another kind, the text of a fallback. */
  readonly text?: string;
  readonly image: Image;
  /** The wamid of the message that it answers. */
  readonly reply_to?: string;
  readonly priority?: "critical" | "normal" | "bulk";
  readonly category?: string;
  readonly recipient?: Recipient;
  readonly fallback?: Fallback;
  /** Never deliver later than this. */
  readonly expires_at?: Instant;
  /** Never deliver before this. */
  readonly send_after?: Instant;
  readonly campaign?: string;
  /** The producer's own object, up to 1 KB of JSON: each outcome returns it unchanged. */
  readonly metadata?: Json;
}

/** A message of type document. */
export interface DocumentMessage {
  readonly type: "document";
  /** The producer's idempotency key: one id is delivered once. lifeline: is reserved. */
  readonly id: string;
  /**
   * Phone number, normalised to E.164; a national one takes the default region. Digits are 0 to 9. Needed
   * where recipient.bsuid is missing.
   */
  readonly to?: string;
  /** Text of a text or voice message; for another kind, the text of a fallback. */
  readonly text?: string;
  readonly document: Document;
  /** The wamid of the message that it answers. */
  readonly reply_to?: string;
  readonly priority?: "critical" | "normal" | "bulk";
  readonly category?: string;
  readonly recipient?: Recipient;
  readonly fallback?: Fallback;
  /** Never deliver later than this. */
  readonly expires_at?: Instant;
  /** Never deliver before this. */
  readonly send_after?: Instant;
  readonly campaign?: string;
  /** The producer's own object, up to 1 KB of JSON: each outcome returns it unchanged. */
  readonly metadata?: Json;
}

/** A message of type video. */
export interface VideoMessage {
  readonly type: "video";
  /** The producer's idempotency key: one id is delivered once. lifeline: is reserved. */
  readonly id: string;
  /**
   * Phone number, normalised to E.164; a national one takes the default region. Digits are 0 to 9. Needed
   * where recipient.bsuid is missing.
   */
  readonly to?: string;
  /** Text of a text or voice message; for another kind, the text of a fallback. */
  readonly text?: string;
  readonly video: Video;
  /** The wamid of the message that it answers. */
  readonly reply_to?: string;
  readonly priority?: "critical" | "normal" | "bulk";
  readonly category?: string;
  readonly recipient?: Recipient;
  readonly fallback?: Fallback;
  /** Never deliver later than this. */
  readonly expires_at?: Instant;
  /** Never deliver before this. */
  readonly send_after?: Instant;
  readonly campaign?: string;
  /** The producer's own object, up to 1 KB of JSON: each outcome returns it unchanged. */
  readonly metadata?: Json;
}

/** A message of type audio. */
export interface AudioMessage {
  readonly type: "audio";
  /** The producer's idempotency key: one id is delivered once. lifeline: is reserved. */
  readonly id: string;
  /**
   * Phone number, normalised to E.164; a national one takes the default region. Digits are 0 to 9. Needed
   * where recipient.bsuid is missing.
   */
  readonly to?: string;
  /** Text of a text or voice message; for another kind, the text of a fallback. */
  readonly text?: string;
  readonly audio: Audio;
  /** The wamid of the message that it answers. */
  readonly reply_to?: string;
  readonly priority?: "critical" | "normal" | "bulk";
  readonly category?: string;
  readonly recipient?: Recipient;
  readonly fallback?: Fallback;
  /** Never deliver later than this. */
  readonly expires_at?: Instant;
  /** Never deliver before this. */
  readonly send_after?: Instant;
  readonly campaign?: string;
  /** The producer's own object, up to 1 KB of JSON: each outcome returns it unchanged. */
  readonly metadata?: Json;
}

/** A message of type sticker. */
export interface StickerMessage {
  readonly type: "sticker";
  /** The producer's idempotency key: one id is delivered once. lifeline: is reserved. */
  readonly id: string;
  /**
   * Phone number, normalised to E.164; a national one takes the default region. Digits are 0 to 9. Needed
   * where recipient.bsuid is missing.
   */
  readonly to?: string;
  /** Text of a text or voice message; for another kind, the text of a fallback. */
  readonly text?: string;
  readonly sticker: Sticker;
  /** The wamid of the message that it answers. */
  readonly reply_to?: string;
  readonly priority?: "critical" | "normal" | "bulk";
  readonly category?: string;
  readonly recipient?: Recipient;
  readonly fallback?: Fallback;
  /** Never deliver later than this. */
  readonly expires_at?: Instant;
  /** Never deliver before this. */
  readonly send_after?: Instant;
  readonly campaign?: string;
  /** The producer's own object, up to 1 KB of JSON: each outcome returns it unchanged. */
  readonly metadata?: Json;
}

/** A message of type location. */
export interface LocationMessage {
  readonly type: "location";
  /** The producer's idempotency key: one id is delivered once. lifeline: is reserved. */
  readonly id: string;
  /**
   * Phone number, normalised to E.164; a national one takes the default region. Digits are 0 to 9. Needed
   * where recipient.bsuid is missing.
   */
  readonly to?: string;
  /** Text of a text or voice message; for another kind, the text of a fallback. */
  readonly text?: string;
  readonly location: Location;
  /** The wamid of the message that it answers. */
  readonly reply_to?: string;
  readonly priority?: "critical" | "normal" | "bulk";
  readonly category?: string;
  readonly recipient?: Recipient;
  readonly fallback?: Fallback;
  /** Never deliver later than this. */
  readonly expires_at?: Instant;
  /** Never deliver before this. */
  readonly send_after?: Instant;
  readonly campaign?: string;
  /** The producer's own object, up to 1 KB of JSON: each outcome returns it unchanged. */
  readonly metadata?: Json;
}

/** A message of type contacts. */
export interface ContactsMessage {
  readonly type: "contacts";
  /** The producer's idempotency key: one id is delivered once. lifeline: is reserved. */
  readonly id: string;
  /**
   * Phone number, normalised to E.164; a national one takes the default region. Digits are 0 to 9. Needed
   * where recipient.bsuid is missing.
   */
  readonly to?: string;
  /** Text of a text or voice message; for another kind, the text of a fallback. */
  readonly text?: string;
  readonly contacts: readonly Contact[];
  /** The wamid of the message that it answers. */
  readonly reply_to?: string;
  readonly priority?: "critical" | "normal" | "bulk";
  readonly category?: string;
  readonly recipient?: Recipient;
  readonly fallback?: Fallback;
  /** Never deliver later than this. */
  readonly expires_at?: Instant;
  /** Never deliver before this. */
  readonly send_after?: Instant;
  readonly campaign?: string;
  /** The producer's own object, up to 1 KB of JSON: each outcome returns it unchanged. */
  readonly metadata?: Json;
}

/** A message of type interactive. */
export interface InteractiveMessage {
  readonly type: "interactive";
  /** The producer's idempotency key: one id is delivered once. lifeline: is reserved. */
  readonly id: string;
  /**
   * Phone number, normalised to E.164; a national one takes the default region. Digits are 0 to 9. Needed
   * where recipient.bsuid is missing.
   */
  readonly to?: string;
  /** Text of a text or voice message; for another kind, the text of a fallback. */
  readonly text?: string;
  /**
   * As Meta has it. Ids and titles of buttons differ, and so do ids of rows; a list has at most 10 rows in
   * all its sections, a product list 30 products.
   */
  readonly interactive: InteractiveButtons | InteractiveList | InteractiveLink | InteractiveFlow | InteractiveLocationRequest | InteractiveProduct | InteractiveProductList;
  /** The wamid of the message that it answers. */
  readonly reply_to?: string;
  readonly priority?: "critical" | "normal" | "bulk";
  readonly category?: string;
  readonly recipient?: Recipient;
  readonly fallback?: Fallback;
  /** Never deliver later than this. */
  readonly expires_at?: Instant;
  /** Never deliver before this. */
  readonly send_after?: Instant;
  readonly campaign?: string;
  /** The producer's own object, up to 1 KB of JSON: each outcome returns it unchanged. */
  readonly metadata?: Json;
}

/** A message of type reaction. */
export interface ReactionMessage {
  readonly type: "reaction";
  /** The producer's idempotency key: one id is delivered once. lifeline: is reserved. */
  readonly id: string;
  /**
   * Phone number, normalised to E.164; a national one takes the default region. Digits are 0 to 9. Needed
   * where recipient.bsuid is missing.
   */
  readonly to?: string;
  /** Text of a text or voice message; for another kind, the text of a fallback. */
  readonly text?: string;
  readonly reaction: Reaction;
  readonly priority?: "critical" | "normal" | "bulk";
  readonly category?: string;
  readonly recipient?: Recipient;
  readonly fallback?: Fallback;
  /** Never deliver later than this. */
  readonly expires_at?: Instant;
  /** Never deliver before this. */
  readonly send_after?: Instant;
  readonly campaign?: string;
  /** The producer's own object, up to 1 KB of JSON: each outcome returns it unchanged. */
  readonly metadata?: Json;
}

/** One message to one person, a JSON object: the body of an SQS message on whatsapp-queue. */
export type Message = TemplateMessage | TextMessage | VoiceMessage | ImageMessage | DocumentMessage | VideoMessage | AudioMessage | StickerMessage | LocationMessage | ContactsMessage | InteractiveMessage | ReactionMessage;

/** A newer Lifeline may say more. */
export type OutcomeStatus = "SENT" | "DELIVERED" | "READ" | "FAILED" | "PUSHED" | "EMAILED" | "TEXTED" | "PARKED" | "EXPIRED" | "REJECTED" | "CANCELLED" | "SUPPRESSED" | "CONFLICT" | (string & {});

/**
 * The outcome of one message, a JSON object. Fields that do not apply are left out; a newer Lifeline may add
 * fields and statuses.
 */
export interface Outcome {
  /** The same for every copy of one event: events come at least once. */
  readonly event_id: string;
  /**
   * Orders the events of one message, which may arrive in any order: the highest is the last. Left out where
   * there is no order: CONFLICT, and a body that breaks the contract.
   */
  readonly sequence?: number;
  /** The message's id, as its producer gave it; left out where its body had none. */
  readonly id?: string;
  /**
   * One of SENT, DELIVERED, READ, FAILED, PUSHED, EMAILED, TEXTED, PARKED, EXPIRED, REJECTED, CANCELLED,
   * SUPPRESSED, CONFLICT.
   */
  readonly status: OutcomeStatus;
  /** The channel that reached the person: whatsapp, or push, email, sms. */
  readonly via?: string;
  /** When it happened. */
  readonly time: Instant;
  /** Why it failed; docs/failures.md lists the causes. */
  readonly cause?: string;
  /** Meta's error code. */
  readonly code?: number;
  /** Meta's id of the WhatsApp message. */
  readonly wamid?: string;
  /** Why it was refused, each reason with its place. */
  readonly reasons?: readonly string[];
  /** When a parked message is expected to leave. */
  readonly eta?: Instant;
  /** SQS's message id of a body that breaks the contract. */
  readonly message_id?: string;
  /** The producer's own object, returned unchanged. */
  readonly metadata?: Json;
}

/** The number that received it. */
export interface InboundNumber {
  /** Meta's id of it. */
  readonly phone_number_id: string | null;
  /** In E.164. */
  readonly display_phone_number: string | null;
}

/** The button, list entry or flow that was chosen. */
export interface InboundChoice {
  /** What our message called it; of a template's button, its payload; of a flow, its name. */
  readonly id: string | null;
  /** What the person saw. */
  readonly title: string | null;
  readonly description: string | null;
  /** What was entered into a flow, by field. */
  readonly answers: Json | null;
}

/** The picture, film, recording, document or sticker. */
export interface InboundMedia {
  /** Meta's media id; it can be downloaded for 7 days. */
  readonly id: string | null;
  /** MIME type. */
  readonly type: string | null;
  /** Bytes, where Meta says so. */
  readonly size: number | null;
  /** Of the content, Base64. */
  readonly sha256: string | null;
  /** Of a document. */
  readonly filename: string | null;
}

/** Of a voice note. */
export interface InboundVoice {
  /** ISO 639-1, where the transcription names one. */
  readonly language: string | null;
  readonly duration_seconds: number | null;
  /** A voice_pending came before. */
  readonly was_pending: boolean;
  /** Lifeline asked the person to write instead. */
  readonly asked_to_type: boolean;
  /** A pending one is transcribed by then, or given up as too old. */
  readonly waits_until: Instant | null;
  /** Why there is no transcript (docs/inbound.md). */
  readonly reason: string | null;
  /** The same in words. */
  readonly detail: string | null;
}

export interface InboundError {
  readonly code: number | null;
  readonly title: string;
  readonly details: string;
}

/** A newer Lifeline may say more. */
export type InboundKind = "text" | "voice" | "voice_pending" | "voice_unusable" | "image" | "video" | "audio" | "document" | "sticker" | "location" | "contacts" | "button" | "list" | "flow" | "reaction" | "order" | "preference" | "system" | "unsupported" | "other" | (string & {});

/**
 * What a person sent to a number of ours, a JSON object of one shape for every kind. Every field is there;
 * what does not apply is null. A newer Lifeline may add fields and kinds.
 */
export interface Inbound {
  /** What was sent. */
  readonly kind: InboundKind;
  /**
   * What the person wrote, said or chose: the text, the transcript, the caption, the title of the button or
   * list entry, the answers of the flow, the emoji, the place, the names of the contacts, the note on the
   * order.
   */
  readonly text: string | null;
  /** The person's number in E.164. */
  readonly from: string | null;
  /** The person's business-scoped user id: US.13491208655302741918. */
  readonly bsuid: string | null;
  /** The person's user name. */
  readonly username: string | null;
  /** The name in the person's profile. */
  readonly profile: string | null;
  /** The number that received it. */
  readonly number: InboundNumber;
  /** Meta's id of the group; null for what one person wrote to us. */
  readonly group_id: string | null;
  /** Meta's id of the message, by which a repetition is known; null for preferences. */
  readonly wamid: string | null;
  /** When it was sent. */
  readonly received_at: Instant;
  /** The wamid that it answers or reacts to. */
  readonly reply_to: string | null;
  /** Whether the person forwarded it. */
  readonly forwarded: boolean;
  /** The button, list entry or flow that was chosen. */
  readonly choice: InboundChoice | null;
  /** The picture, film, recording, document or sticker. */
  readonly media: InboundMedia | null;
  /** Of a voice note. */
  readonly voice: InboundVoice | null;
  /** The advertisement from which the person came, all fields as Meta gives them. */
  readonly referral: Json | null;
  /** The person opts out of marketing messages, or in again. */
  readonly preference: "stop" | "resume" | null;
  /** Meta's errors about this message: a kind that it does not pass on, for example. */
  readonly errors: readonly InboundError[];
  /** The message as Meta sent it; null where it is too long for the topic. */
  readonly message: Json | null;
}
