//! One attempt: it sends a group of units as one script call, and handles the replies.
