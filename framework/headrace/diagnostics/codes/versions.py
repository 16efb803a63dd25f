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
