"""Pages of HTML that work by themselves, and the modules their scripts are made of."""
