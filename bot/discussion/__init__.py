"""What people say about each post: collected, compared with Discord, digested, and given back."""
