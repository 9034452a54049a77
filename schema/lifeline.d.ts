// Messages to Lifeline and outcomes from it.
// Written by `make schema` from Lifeline's contract: do not edit.

/** ISO 8601 with a zone: "2030-03-04T08:00:00Z". */
export type Instant = string;

export type Json = { readonly [name: string]: unknown };

export interface Template {
  readonly name: string;
  readonly language: string;
  /** Values of the body's placeholders, in order: no line break, no tab, at most four spaces in a row. */
  readonly parameters?: readonly (string | number)[];
  /** Graph-native components, passed on as they are, instead of parameters. */
  readonly components?: readonly Json[];
}

export interface Recipient {
  readonly user_id?: string;
  readonly push_endpoint?: string;
  readonly email?: string;
  /** IANA name, for quiet hours; default: the zones of the number's country. */
  readonly time_zone?: string;
}

export interface Fallback {
  readonly title?: string;
  readonly body: string;
}

/** A message of type template. */
export interface TemplateMessage {
  readonly type: "template";
  /** The producer's idempotency key: one id is delivered once. lifeline: is reserved. */
  readonly id: string;
  /** Phone number, normalised to E.164; a national one takes the default region. Digits are 0 to 9. */
  readonly to: string;
  readonly template: Template;
  /** Text of a text or voice message; for a template, what a fallback says. */
  readonly text?: string;
  readonly priority?: "critical" | "normal" | "bulk";
  readonly category?: string;
  readonly recipient?: Recipient;
  readonly fallback?: Fallback;
  /** Never deliver later than this. */
  readonly expires_at?: Instant;
  /** Never deliver before this. */
  readonly send_after?: Instant;
  readonly campaign?: string;
}

/** A message of type text. */
export interface TextMessage {
  readonly type: "text";
  /** The producer's idempotency key: one id is delivered once. lifeline: is reserved. */
  readonly id: string;
  /** Phone number, normalised to E.164; a national one takes the default region. Digits are 0 to 9. */
  readonly to: string;
  /** Text of a text or voice message; for a template, what a fallback says. */
  readonly text: string;
  readonly priority?: "critical" | "normal" | "bulk";
  readonly category?: string;
  readonly recipient?: Recipient;
  readonly fallback?: Fallback;
  /** Never deliver later than this. */
  readonly expires_at?: Instant;
  /** Never deliver before this. */
  readonly send_after?: Instant;
  readonly campaign?: string;
}

/** A message of type voice. */
export interface VoiceMessage {
  readonly type: "voice";
  /** The producer's idempotency key: one id is delivered once. lifeline: is reserved. */
  readonly id: string;
  /** Phone number, normalised to E.164; a national one takes the default region. Digits are 0 to 9. */
  readonly to: string;
  /** Text of a text or voice message; for a template, what a fallback says. */
  readonly text: string;
  readonly priority?: "critical" | "normal" | "bulk";
  readonly category?: string;
  readonly recipient?: Recipient;
  readonly fallback?: Fallback;
  /** Never deliver later than this. */
  readonly expires_at?: Instant;
  /** Never deliver before this. */
  readonly send_after?: Instant;
  readonly campaign?: string;
}

/** One message to one person, a JSON object: the body of an SQS message on whatsapp-queue. */
export type Message = TemplateMessage | TextMessage | VoiceMessage;

/** A newer Lifeline may say more. */
export type OutcomeStatus = "SENT" | "DELIVERED" | "READ" | "FAILED" | "PUSHED" | "EMAILED" | "PARKED" | "EXPIRED" | "REJECTED" | "CANCELLED" | "CONFLICT" | (string & {});

/**
 * What became of one message, a JSON object. Fields that do not apply are left out; a newer Lifeline may add
 * fields and statuses.
 */
export interface Outcome {
  /** The same for every copy of one event: events come at least once. */
  readonly event_id: string;
  /** The message's id, as its producer gave it; left out where its body had none. */
  readonly id?: string;
  /** One of SENT, DELIVERED, READ, FAILED, PUSHED, EMAILED, PARKED, EXPIRED, REJECTED, CANCELLED, CONFLICT. */
  readonly status: OutcomeStatus;
  /** The way that the person was reached by: whatsapp, or push, email. */
  readonly via?: string;
  /** When it came about. */
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
  /** The producer's own object, returned as it was given. */
  readonly metadata?: Json;
}
