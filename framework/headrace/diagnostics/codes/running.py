"""Faults of carrying out: compiled files, plans, Prefect, and the processes of `headrace up`."""

from __future__ import annotations

from headrace.diagnostics.codes.code import Code

CODES = (
    Code(
        "no-repository",
        "git does not know what was changed",
        "`validate --changed` compares with a commit, so the project stands in a git repository, and git is installed.",
        help="type `headrace validate` for all specs",
    ),
    Code(
        "unknown-revision",
        "there is no such revision",
        "`--since` names what to compare with: a branch, a tag or a commit. A clone that was cut short does not have them all.",
        help="fetch it first, for example with `git fetch origin main`, or name another",
    ),
    Code(
        "git-failed", "git failed", "It was asked which specs were changed, and said what the message repeats.", help="mend what git says"
    ),
    Code(
        "changed-meanwhile",
        "a file was changed while it was being mended",
        "What somebody else has written since is never written over.",
        help="type `headrace validate --fix` again",
    ),
    Code(
        "project-exists",
        "a project stands there already",
        "`init` writes over no spec.",
        help="type `headrace validate`, or choose another folder",
    ),
    Code(
        "step-failed",
        "a step of your own failed",
        "Its function raised, could not be imported, or gave what cannot be trained on and judged; the run ends, and nothing is promoted.",
        help="correct the function at the line that is named, or take the step out of `steps`",
    ),
    Code(
        "plugin-exists",
        "a plugin stands there already",
        "`plugins new` writes over no file.",
        help="choose another name, or move what is there away",
    ),
    Code(
        "unknown-plugin",
        "nothing of that name is registered",
        "It is neither a plugin that takes part nor something that one adds.",
        help="type `headrace plugins list`, which also says what is switched off and why",
    ),
    Code(
        "not-compiled",
        "the project was never compiled",
        "What runs is read from `flows/`, never from the specs.",
        help="type `headrace compile`",
    ),
    Code(
        "other-environment",
        "flows/ is of another environment",
        "`flows/` holds one environment at a time, and what runs is read from there: an answer would be about the other one.",
        help="leave out `--env`, or type `headrace compile --env NAME` first",
    ),
    Code(
        "config-unreadable",
        "a compiled file cannot be read",
        "It was edited, cut short, or compiled by another version.",
        help="type `headrace compile` to write it again",
    ),
    Code(
        "runner-address",
        "a cluster's address is none",
        "The workers of Dask meet at its scheduler, which listens at a host and a port.",
        help="write for example `address: tcp://10.0.0.7:8786`",
    ),
    Code(
        "runner-store",
        "workers on other machines could not reach what is remembered",
        "Trials of a search, events of a view and the version that a batch asks are in the store, which every worker opens; a file of this"
        " machine is none of theirs.",
        help="write `store: postgresql://user@host/database`, and `online` likewise for backfills; or leave out the runner's `address`",
    ),
    Code(
        "runner-folder",
        "a worker does not see what a batch keeps or reads",
        "Workers score a part of the rows each and write their answers to files of the run, which whoever began it puts together.",
        help="let the project's folder, and the files that are read, be at one path on all machines; or leave out the runner's `address`",
    ),
    Code(
        "runner-missing",
        "the environment's runner is not installed",
        "Dask comes with an extra, since most projects run on one machine.",
        help="pip install 'headrace[dask]'",
    ),
    Code(
        "runner-away",
        "a cluster cannot be had",
        "Its scheduler does not answer, or no worker has come to it.",
        help="start `dask scheduler`, and on each machine `dask worker ADDRESS`; or leave out the runner's `address`",
    ),
    Code(
        "foreign-file",
        "a file stands where a compiled one goes",
        "It was not compiled by Headrace, so it is not written over.",
        help="move it away, as the message says, and type `headrace compile`",
    ),
    Code(
        "flows-behind",
        "what is served is older than the specs",
        "A server reads what was compiled, and the specs have changed since; or they have faults, and nothing can be said of it.",
        help="type `headrace compile`, and serve again",
    ),
    Code(
        "no-rollout",
        "a model has no section `rollout`",
        "Without it a version that passes its gates answers at once, and there is nothing to simulate.",
        help="`headrace explain model.rollout` shows one",
    ),
    Code(
        "undeclared-experiment",
        "a model has no section `experiment`",
        "Without it a candidate that is no worse than the champion is promoted, and there is nothing to simulate.",
        help="`headrace explain model.experiment` shows one",
    ),
    Code(
        "no-traffic",
        "how many requests come is not known",
        "A simulation needs them: from `serving.traffic`, or said on the command line.",
        help="type `--traffic 12000/d`",
    ),
    Code(
        "not-simulated",
        "a rollout is judged by what a simulation does not make up",
        "Requests that fail or are slow are made up; answers, their outcomes and what a shadow says are not.",
        help="simulate the rollout without that metric",
    ),
    Code("which-model", "several models, and none is meant", "Where there is more than one, a command needs to be told.", help="name one"),
    Code(
        "no-flag",
        "no such flag is in force",
        "Servers answer by what was applied. A flag that is declared and not applied yet answers nobody.",
        help="correct the name, or type `headrace apply`; `headrace flags list` lists them",
    ),
    Code(
        "flag-unanswered",
        "a flag has no answer for these attributes",
        "Its rule deals shares by an attribute that is not there, and a share that is dealt by chance would be another one next time. "
        "A server answers 400 with `TARGETING_KEY_MISSING`, and the code that asks goes on with its own default.",
        help="give the attribute that the flag's `unit` names",
    ),
    Code(
        "unknown-model",
        "there is no such model",
        "The compiled project has none of that name.",
        help="correct the name, or type `headrace compile` after adding it to the specs",
    ),
    Code("no-plan", "a file is no plan", "`apply` carries out plans that `plan` wrote.", help="type `headrace plan --out FILE`"),
    Code(
        "plan-stale",
        "a plan no longer holds",
        "Since it was written the specs or the state moved on, and what would be carried out is not what was read.",
        help="type `headrace plan --out FILE`, and read it again",
    ),
    Code(
        "plan-altered",
        "a plan is not as it was written",
        "What it says and its seal do not fit: it was edited, or cut short.",
        help="type `headrace plan --out FILE` anew, and leave the file as it is",
    ),
    Code(
        "shared-folder",
        "two environments would run out of one folder",
        "Deployments of an environment run the flows/ of the folder that they were applied from, which is compiled for one environment.",
        help="apply each environment from a folder of its own, such as another checkout",
    ),
    Code(
        "plan-blocked",
        "something cannot be done",
        "The plan says of each such item what stands in its way; nothing of the plan is carried out.",
        help="remove what stands in the way, or leave the item out with `--exclude ADDRESS`",
    ),
    Code(
        "bad-selector",
        "a selection cannot be read",
        "What is meant is not guessed at, since the rest would be left out without a word.",
        help="`model/churn`, `model/ch*`, `+model/churn`, `model/churn+`, `kind:source`, `label:tier=critical` or `state:modified`",
    ),
    Code(
        "nothing-selected",
        "a selection fits nothing",
        "A slip in its name would otherwise look as if there were nothing to do.",
        help="`headrace show` lists every address",
    ),
    Code(
        "selection-broken",
        "a selection leaves out what the rest needs",
        "What is left out stays as it was last applied, and so the two do not fit together.",
        help="select what it needs too: `--select +ADDRESS`",
    ),
    Code(
        "prune-guard",
        "more than a fifth of the project's documents, or of its models, would be removed",
        "It is most often the wrong folder or a lost file. N counts documents of every kind.",
        help="if that is meant, type `headrace apply --allow-prune N`",
    ),
    Code(
        "apply-stopped",
        "an apply stopped part-way",
        "What was done before is recorded, and so is the step that failed.",
        help="mend the cause, and type `headrace apply` again: it goes on from there",
    ),
    Code(
        "prefect-away",
        "Prefect's server does not answer",
        "Runs, schedules and automations live there.",
        help="type `headrace up`, or set PREFECT_API_URL to a server that runs",
    ),
    Code(
        "prefect-refused",
        "Prefect refused a request",
        "The message has its own words; most often its version is another than that of this machine's client.",
        help="look into the server's log; compare `prefect version` on both sides",
    ),
    Code(
        "prefect-start",
        "Prefect's server did not start",
        "The message has the end of its log.",
        help="mend what the log says, or set PREFECT_API_URL to a server that runs",
    ),
    Code(
        "no-deployment",
        "Prefect does not know a model's flow",
        "It was never applied, or Prefect's database is a new one.",
        help="type `headrace apply`",
    ),
    Code(
        "run-slow",
        "a run has not ended in time",
        "It goes on. Without a worker a run waits for ever.",
        help="type `headrace status`; `headrace up` starts a worker",
    ),
    Code(
        "run-failed",
        "a run failed",
        "One of its steps raised an error, which the message repeats.",
        help="mend the cause, then `headrace run FLOW`; the whole log is .headrace/logs/prefect-worker.log",
    ),
    Code(
        "already-up",
        "the project is already up",
        "Two supervisors would start every server twice, on the same ports.",
        help="stop the other first: Ctrl-C where it runs, or `kill PID` with the process of the message",
    ),
    Code(
        "file-trouble",
        "a file or folder could not be read or written",
        "The operating system refused it: its rights, a full disk, or a folder in its place.",
        help="look at the rights of what the message names, and at the disk",
    ),
    Code(
        "other-server",
        "another project's server answers on this port",
        "Two projects on one machine have the same port in their specs; an answer of the other model would be taken for this one's.",
        help="give each model a port of its own, `serving: {port: 8081}`, then `headrace compile`",
    ),
    Code(
        "candidate-rejected",
        "a gate rejected the version that was trained",
        "The champion goes on answering. The message repeats what each gate that said no measured, and what it wants.",
        help="type `headrace models NAME`",
    ),
    Code(
        "awaiting-approval",
        "the version that was trained waits for votes",
        "Its gates let it through, and a policy asks people, too. Nothing failed, and the champion goes on answering; a script that goes on"
        " as if the new version answered would be wrong, so `apply --wait` ends with 4.",
        help="`headrace approvals NAME` says who may vote; `headrace approve NAME --key-file FILE --reason …` is a vote",
    ),
)
