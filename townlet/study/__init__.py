"""Studies: questions about the method, answered with several seeds and written up by one command each."""
