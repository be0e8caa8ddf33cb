"""The outbound edge: Subscriptions are told of what changes, by the eyes of whoever asked."""
