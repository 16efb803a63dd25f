"""Faults of access: keys and tokens, how often one may ask, and servers that others than this machine reach."""

from __future__ import annotations

from headrace.diagnostics.codes.code import Code

CODES = (
    Code(
        "unauthenticated",
        "a request does not say who asks, or not so that it can be believed",
        "The model says `auth` in `serving`, so each request needs a key or a token that is good now. Answered with 401.",
        help="send `Authorization: Bearer KEY`; `headrace keys create --name NAME` makes one; commands send $HEADRACE_API_KEY",
    ),
    Code(
        "forbidden",
        "a key or token is good, and not for this",
        "A key is made for some models, or all, and may do what it was made for; a token needs the words of the spec. Answered with 403.",
        help="use one that may: `headrace keys create --name NAME --model MODEL --may SCOPE`",
    ),
    Code(
        "too-many-requests",
        "a caller sends more requests than it may",
        "`rate` in `serving` keeps one caller from starving the others. Answered with 429, and `Retry-After` says when to come again.",
        help="send fewer, or in batches; or raise `rate.requests`",
    ),
    Code(
        "auth-unavailable",
        "a server cannot tell who asks",
        "It has just started, and could not read its keys, or those of the tokens' issuer, even once. Answered with 503.",
        help="see that the store, and the URL in `auth.jwt.jwks`, answer; the server tries again by itself",
    ),
    Code(
        "flags-unknown",
        "a server does not know the flags yet",
        "It has just started, and could not read them even once: that is not the same as that there are none. Answered with 503.",
        help="see that the store answers; the server tries again by itself",
    ),
    Code(
        "no-key",
        "there is no such API key",
        "Keys are named by the part that is no secret: the twelve characters after `hr_`; each environment has its own.",
        help="type `headrace keys list`",
    ),
    Code(
        "key-ended",
        "a key that has ended is to be rotated",
        "It was rotated already, has expired, or was revoked; what was made in its place would be a new grant that nobody asked for.",
        help="type `headrace keys create --name NAME`",
    ),
    Code(
        "no-middleware",
        "what should stand around a server's requests is no ASGI middleware",
        "It is called with the app that it stands around, and what that gives with each request. The text is read, and not imported.",
        "class Stamp:\n    def __init__(self, app): ...\n    def __call__(self, request): ...",
        "class Stamp:\n    def __init__(self, app): ...\n    async def __call__(self, scope, receive, send): ...",
    ),
    Code(
        "middleware-failed",
        "a middleware cannot be imported or made",
        "A server that answered without it would leave out what it is there for, so none is started.",
        help="correct the line that is named, or take it out of `serving.middleware`",
    ),
    Code(
        "open-server",
        "a server would answer whoever reaches it",
        "It is to listen beyond loopback, and its model asks for no key.",
        help="write `auth: {keys: true}` under `serving`, or say `--allow anonymous` where that is meant",
    ),
    Code(
        "plain-server",
        "a server in production would be overheard",
        "It is to listen beyond loopback over plain HTTP: keys, inputs and answers could be read on their way.",
        help="write `tls: {certificate: file:PATH, key: file:PATH}` under `serving`; behind a proxy with TLS say `--allow plain-http`",
    ),
    Code(
        "several-certificates",
        "models of one server say different things of its certificate",
        "One process answers for them on one port, and a port speaks by one certificate, or plainly.",
        help="write the same `tls` under `serving` of each, or serve them by themselves",
    ),
    Code(
        "certificate-unreadable",
        "a certificate or its key cannot be read",
        "A file is missing, is no PEM, has a password, or the key is not the certificate's.",
        help="correct `tls.certificate` and `tls.key`; both are `file:` and a path from the project's folder",
    ),
    Code(
        "tracing-missing",
        "traces are asked for, and what sends them is not installed",
        "OpenTelemetry is an extra, so that servers without traces carry none of it.",
        help="type `pip install 'headrace[tracing]'`",
    ),
    Code(
        "no-way-in",
        "nobody may ask a model",
        "`auth` declares the ways in, and it has none; without `auth` everybody may ask who reaches the port.",
        wrong="serving:\n  auth: {keys: false}",
        right="serving:\n  auth: {keys: true}",
    ),
    Code(
        "rate-by-nobody",
        "requests are to be counted by key, and nobody is asked for one",
        "Without `auth` all callers look alike, and one bucket would be shared by all.",
        wrong="serving:\n  rate: {requests: 100/s, by: key}",
        right="serving:\n  auth: {keys: true}\n  rate: {requests: 100/s, by: key}",
    ),
    Code(
        "plain-jwks",
        "the keys that tokens are believed by come over plain HTTP",
        "Whoever can change them on their way can sign tokens that are believed. On loopback there is no way to be on.",
        wrong="serving:\n  auth: {jwt: {issuer: https://login.example.com/, audience: headrace, jwks: http://login.example.com/jwks.json}}",
        right="serving:\n  auth: {jwt: {issuer: https://login.example.com/, audience: headrace, jwks: https://login.example.com/jwks.json}}",
    ),
)
