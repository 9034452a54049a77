"""A simulator of Meta's Graph API as WhatsApp's clients use it: sends, media, templates, numbers, accounts,
tokens, webhooks.

    python -m local.simulators.graph --port 0 --control-port 0

Fault kinds and what they touch:

``unreachable``        the API port closes, the control port stays
``slow``               every call waits ``latency_ms`` (default 30000)
``server_error``       every call answers 500 (or ``status``) with code 2
``not_json``           every call answers 502 with HTML
``auth``               every call with a bearer token answers 190 (``subcode``); debug_token: invalid
``account``            sends answer 131031; the number's health status is BLOCKED
``rate_limit``         sends answer 130429, with ``regain_minutes`` in the usage header if given
``spam_limit``         sends answer 131048
``pair_rate_limit``    sends answer 131056
``template_rejected``  template sends answer 132015 (or ``code``)
``invalid_phone``      sends answer 131026 (or ``code``)
``code``               sends answer ``code`` with ``status`` (default 400), ``details``, ``subcode``
``ambiguous``          the send is accepted and recorded, then the connection breaks
``held``               sends answer held_for_quality_assessment
``silent``             sends are accepted; no webhook ever comes
``undelivered``        sends are accepted; the webhook says failed with ``code`` (default 131026), ``details``
``phone_off``          sends are accepted; the webhook says sent, and delivered after ``delivered_after``
                       seconds (default: never)

Webhooks: ``webhook_delay`` and up to ``webhook_jitter`` more (seconds), ``webhook_duplicates`` and
``webhook_drop`` (shares; what is dropped is delivered once the share is 0 again), ``webhook_shuffle``,
``webhook_at_once`` (changes that one POST brings together at most; 1: each alone, as Meta mostly does).

``match`` narrows by ``to`` (one or a list), ``template``, ``type``, ``id`` (callback id), ``path``, ``text``.

What no file of this package answers (flows, groups, calls, usernames, sign-ups) is refused as Meta refuses an
object that does not exist.
"""

from local.simulators.graph.simulator import GraphSimulator

__all__ = ["GraphSimulator"]
