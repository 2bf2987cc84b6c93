"""CheckEmails: Check emails from your mobile."""
