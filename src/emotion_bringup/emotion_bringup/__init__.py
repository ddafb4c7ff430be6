"""The graphs of emotion perception and how to start them."""
