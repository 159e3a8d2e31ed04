"""What Discord sees: commands, listeners and views."""
