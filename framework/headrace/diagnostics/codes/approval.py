"""What approvals say: who may not vote, what may not be loaded or carried out."""

from __future__ import annotations

from headrace.diagnostics.codes.code import Code

CODES: tuple[Code, ...] = (
    Code(
        "not-governed",
        "no policy asks anything about it",
        "A vote that nothing waits for would mean nothing.",
        help="declare `governance.approvals` in the model, or a policy, and type `headrace apply`",
    ),
    Code(
        "nothing-asked",
        "no version waits for approval",
        "The candidate was decided upon, or there is none; nothing is open.",
        help="`headrace approvals --all` lists what was asked for; `headrace approve NAME --version N` names a version",
    ),
    Code(
        "may-not-vote",
        "a vote would not count",
        "Its voter is in no group that is asked, asked for it, trained it or wrote its card, showed no key, or is too late. It was not"
        " written down, and may be given as it must be.",
        help="`headrace approvals` says who may vote, and why others may not",
    ),
    Code(
        "already-voted",
        "somebody votes a second time on one thing",
        "One person has one vote, whatever key it comes by; what was changed is asked for anew.",
        help="`headrace approvals` shows the votes",
    ),
    Code(
        "already-decided",
        "what is voted upon was decided",
        "It was approved, was rejected, or lapsed. What was rejected is asked for again once it was judged again.",
        help="`headrace approvals --all` shows how it came about; `headrace run judge NAME` judges the newest version again",
    ),
    Code(
        "approval-changed",
        "a vote on what is no longer there",
        "Its version has other bytes, another card, or was judged again, or its policy is another one: what was looked at is not what the"
        " vote would be on.",
        help="`headrace approvals` lists what waits now; look at that, and vote on it",
    ),
    Code(
        "no-request",
        "there is no such request",
        "A request is named by its id, in the environment, and at a server of the model, that it was made in.",
        help="`headrace approvals --all` lists them",
    ),
    Code(
        "no-reason",
        "a vote says not why",
        "Whoever reads it in a year wants to know what was looked at.",
        help='write `--reason "what you looked at"`, in 1 to 1000 printable characters',
    ),
    Code(
        "bad-key",
        "a key that was shown is not one to vote by",
        "It is none of this environment, has ended or was revoked, is for other models, or was made for nobody.",
        help="`headrace keys create --name NAME --may approve --principal NAME` makes one",
    ),
    Code(
        "not-approved",
        "a version may not be loaded",
        "A policy holds for its model, and nobody let this version in, or its bytes or its card are not what was approved, or the policy"
        " was passed over for a while that is over. What was loaded before goes on answering.",
        help="`headrace approvals NAME` shows what was asked for; `headrace approve NAME --version N` votes on it",
    ),
    Code(
        "plan-not-approved",
        "a plan may not be carried out",
        "A policy with `on: deploy` holds for a model that it touches, and the votes on this very plan are missing.",
        help="write it by `headrace plan --out FILE`, have it approved by `headrace approve --plan FILE`, and type `headrace apply FILE`",
    ),
)
