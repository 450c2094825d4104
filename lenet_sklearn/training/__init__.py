"""Train the network: samples, distortions, callbacks and the loop."""
