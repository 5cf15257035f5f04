"""The widgets that users call, and what chooses what they show."""
