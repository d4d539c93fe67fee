"""One module a subcommand: its options and its main()."""
