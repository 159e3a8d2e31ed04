"""The club at work on Discord: planning posts, delivering each exactly once, telling managers what is wrong."""
