"""Faults of models: in training, in the gates, and in the registry."""

from __future__ import annotations

from headrace.diagnostics.codes.code import Code

CODES = (
    Code(
        "bad-params",
        "an algorithm refuses its parameters",
        "The plugin says which parameters there are and what they may be; one that is ignored would be a setting that does nothing.",
        help="correct `training.params`, and type `headrace compile`",
    ),
    Code(
        "training-failed",
        "an algorithm failed",
        "It raised an error while it learned; the message has the algorithm's own words.",
        help="correct `training.params` or the rows, and type `headrace run train`",
    ),
    Code(
        "too-few-rows",
        "there are not enough rows to set some apart",
        "Each fold, and each share for `early_stopping` and `calibrate`, needs rows of its own beside those that the model is fitted on.",
        help="write fewer `folds`, another `share`, or use more rows",
    ),
    Code(
        "search-empty",
        "a search ended without a trial that came to its end",
        "There is nothing to choose from: every trial failed, or the time was over before the first.",
        help="raise `timeout` of `tune`, or mend why the trials fail, and type `headrace run train`",
    ),
    Code(
        "not-tuned",
        "a version's parameters were not searched",
        "Its model says nothing of `tune`, or said nothing when it was trained.",
        help="write `tune` in the section `training`, and type `headrace run train`",
    ),
    Code(
        "search-failed",
        "the processes of a search do not start",
        "Each trial runs in a process of its own; the message has its last words.",
        help="mend what the message says, and type `headrace run train`: the search goes on with the trials that it has",
    ),
    Code(
        "bad-predictions",
        "a model gives answers that are none",
        "Every row gets one probability from 0 to 1; NaN or 2 would pass through metrics unseen and reach callers.",
        help="mend the algorithm's plugin, or the parameters that lead to it",
    ),
    Code(
        "unfaithful-format",
        "a model answers otherwise after it was saved and loaded",
        "What is served is what was loaded, so that its evaluation would be that of another model.",
        help="mend `save` and `load` of the algorithm's plugin",
    ),
    Code("no-gates", "a model has no gate", "Every candidate would pass, whatever it learned.", help="add `gates`, and compile"),
    Code(
        "missing-input",
        "held-out rows lack an input of a version",
        "The champion is compared on the candidate's held-out rows, and it was trained with inputs that the candidate no longer has.",
        help="bring the feature back into `use`; where it went on purpose, write `mode: warn` into that gate until the new champion stands",
    ),
    Code(
        "no-version",
        "a model has no such version",
        "Versions are numbered from 1, and aliases such as `champion` exist once something moved them there.",
        help="type `headrace models NAME`, which lists them",
    ),
    Code(
        "not-judged",
        "no gate said anything of a version",
        "A version is judged by the run that makes it; one that was taken from elsewhere, or whose run broke, was not.",
        help="type `headrace run train NAME`, which makes a version and judges it",
    ),
    Code(
        "no-experiment",
        "a model has had no such experiment",
        "An experiment begins when a rollout that found its candidate no worse hands it over.",
        help="type `headrace status`, which says where a model stands",
    ),
    Code(
        "no-experiment-runs",
        "there is no experiment to stop",
        "None runs, and none is over whose arms go on answering.",
        help="type `headrace experiment status NAME`",
    ),
    Code(
        "no-champion",
        "a model has no champion",
        "Nothing answers before a first version has passed its gates and its rollout.",
        help="type `headrace run train`, then `headrace models NAME`, which says what became of it",
    ),
    Code(
        "no-previous",
        "there is no previous version to go back to",
        "A rollback puts the champion's predecessor back, and the first champion has none.",
        help="type `headrace models NAME`, which lists what there is",
    ),
    Code(
        "reserved-alias",
        "a word cannot be an alias",
        "`latest` means something else to everyone, and `v1` is a version's own name.",
        help="choose lower-case letters and digits, such as `shadow`",
    ),
    Code(
        "illegal-stage",
        "a version cannot come to this stage from where it is",
        "Stages follow one table: gates make a version `validated`, its candidacy `staging`, its rollout `production`.",
        help="`headrace models stage NAME@3 STAGE` takes the stages that the message names",
    ),
    Code(
        "registry-conflict",
        "somebody else was faster",
        "The version was not where the mover believed it to be, so that the move would have undone another's without knowing of it.",
        help="look again with `headrace models NAME`, and decide anew",
    ),
    Code(
        "version-in-use",
        "a version is needed",
        "It answers, waits to, is what a rollback puts back, has a name, or is a part of another: without it these would fail.",
        help="promote another version, end its rollout, or take its alias away, and try again",
    ),
    Code(
        "version-withdrawn",
        "a version was taken out of use",
        "Its row, number and history stay, and nothing may be built on it any more.",
        help="choose another version: `headrace models NAME` lists them",
    ),
    Code(
        "which-version",
        "it is not said which version",
        "A model has many versions, and what is done to one is done for ever.",
        help="write MODEL@ and a number, a SemVer or an alias, such as employment@3",
    ),
    Code(
        "bad-semver",
        "a text is no semantic version",
        "Semantic Versioning 2.0.0 has three numbers without leading zeros, then perhaps `-` and a pre-release, `+` and build metadata.",
        help="write it as 1.4.0 or 2.0.0-rc.1",
    ),
    Code(
        "semver-taken",
        "another version has this SemVer",
        "A SemVer names one version of a model; build metadata does not tell two apart, since it has no precedence.",
        help="raise it, such as from 1.4.0 to 1.4.1",
    ),
    Code(
        "semver-given",
        "a version has a SemVer already",
        "Who built on 1.4.0 must find the same bytes under that name for ever.",
        help="register a version of its own, and give that the new one",
    ),
    Code(
        "bad-tag",
        "a tag cannot be kept",
        "Conditions compare tags, so that they are short texts that every database holds and every terminal shows.",
        help="choose a shorter name or value without control characters",
    ),
    Code(
        "incomplete-lineage",
        "a version cannot say what it was made of",
        "The registry takes no version without the digests of its data, spec, code and environment: nobody could make it again.",
        help="register through `headrace run train`",
    ),
    Code(
        "model-unreadable",
        "a version cannot be read",
        "Its bytes are those that were registered, and its format's plugin fails on them: most often another release of a library.",
        help="install the versions in which it was trained, or type `headrace run train`",
    ),
    Code(
        "golden-answers",
        "a version answers its golden requests otherwise",
        "It was let through by a gate of golden requests, and what answers here does not answer them so: most often another release of a "
        "library, or another machine. It is refused before it answers anybody.",
        help="install the versions in which it was trained, or type `headrace run train`",
    ),
    Code(
        "golden-requests",
        "there are no golden requests to ask, or none to record",
        "A file of golden requests holds a few requests with the answers that every version must give; it is made by hand, or of what a "
        "version answered.",
        help="headrace golden record MODEL --out golden/MODEL.json",
    ),
    Code(
        "unknown-exporter",
        "a version cannot be exported in this form",
        "No plugin that takes part registers it.",
        help="`headrace plugins list --axis exporter` lists the forms",
    ),
    Code(
        "export-exists",
        "something stands where a version is to be exported to",
        "An export is one folder as a whole: what is there already would be mixed with it.",
        help="choose another `--out`, or move it away",
    ),
    Code(
        "export-failed",
        "a version could not be exported",
        "The form's plugin failed, or the disk did not take it; what was written until then is gone.",
        help="mend what the message names, and type the command again",
    ),
    Code(
        "artifact-altered",
        "stored bytes are not those that were written",
        "Every artifact is named by the digest of its bytes and verified when it is read; an altered model is never loaded.",
        help="put the blobs' folder back from its backup",
    ),
    Code(
        "artifact-missing",
        "an artifact is not among the blobs",
        "The database speaks of bytes that the blobs' folder does not have: one was put back from a backup, or cleaned, without the other.",
        help="put the blobs' folder back from its backup",
    ),
)
