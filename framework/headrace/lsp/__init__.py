"""The language server: what an editor is told of specs while they are typed, over the same services as the command line."""
