"""Care models: what a good shared plan is; pure rules, no I/O."""
