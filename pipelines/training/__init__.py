"""Train and measure models on digits, strings and fields."""
