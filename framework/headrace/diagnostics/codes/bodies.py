"""Faults of what a server is sent: batches, inferences of the Open Inference Protocol, and more of them than it takes."""

from __future__ import annotations

from headrace.diagnostics.codes.code import Code

CODES = (
    Code(
        "overloaded",
        "a server has more to do than it takes at once",
        "`serving.limits` bounds requests, connections and bodies that are still coming in; what is more is refused, and never queued. "
        "Answered with 503 and `Retry-After`.",
        help="try again after so many seconds; serve by more processes, or raise `serving.limits.concurrency`",
    ),
    Code(
        "too-slow",
        "a request does not come in time",
        "Whoever sends slowly, or half, would hold a connection for ever. Answered with 408.",
        help="send it in less time, or raise `serving.limits.time`",
    ),
    Code(
        "too-long",
        "an answer takes too long",
        "A caller that waits is better told. Answered with 503 and `Retry-After`; of a batch, rows may have been journalled by then.",
        help="send fewer rows at once, or raise `serving.limits.answer`",
    ),
    Code(
        "body-too-deep",
        "a body nests too deep",
        "No body that is taken nests deeper than a few levels, and parsing one that does is what it was sent for. Answered with 422.",
        help="send lists and objects as `GET /openapi.json` describes them",
    ),
    Code(
        "too-large-head",
        "a request's line and headers are too large",
        "They are held in memory before anything is known of the request. Answered with 431.",
        help="send fewer, or shorter, headers",
    ),
    Code(
        "not-explained",
        "a model's answers cannot be explained",
        "Contributions are told by trees of LightGBM and by linear models, and by algorithms of plugins that have the method. "
        "Answered with 501.",
        help="train by one of these, or give the plugin's model a method `contributions`",
    ),
    Code(
        "bad-inference",
        "an inference request is none",
        "Its tensors do not fit the Open Inference Protocol, or not the model. Answered with 400.",
        help="correct what the message names; `GET /v2/models/NAME` lists the tensors",
    ),
    Code(
        "no-such-model",
        "a server has no such model",
        "It answers for its own. Answered with 404.",
        help="name the model that the message names, or ask the other's server",
    ),
    Code(
        "no-such-version",
        "a version is not loaded",
        "Only versions that answer are loaded. Answered with 404.",
        help="leave the version out of the path; `GET /v2/models/NAME` lists those that answer",
    ),
    Code(
        "arms-assigned",
        "a version is asked that answers a share alone",
        "Who answers is decided by whom it is about; a caller that chose would spoil the rollout's comparison. Answered with 409.",
        help="leave the version out of the path",
    ),
    Code(
        "not-loaded",
        "what the store wants cannot be loaded",
        "The bytes are not those that were registered, or no plugin reads them. What was loaded goes on answering. Answered with 503.",
        help="do what the message says; `headrace rollback NAME` makes the version before champion",
    ),
    Code(
        "not-unloaded",
        "a server is asked to unload its model",
        "Who answers is decided in the project, and not by whoever reaches a port. Answered with 409.",
        help="stop the server, or take the model out of specs/",
    ),
)
