"""Assets of policies made elsewhere, one module each."""
