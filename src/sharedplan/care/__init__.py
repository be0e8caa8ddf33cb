"""What a good shared plan is: pure rules, no input or output."""
