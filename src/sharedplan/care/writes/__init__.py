"""What the rules of the service models say when something is written: each a sentence with its id and its source."""
