"""The gateway over HTTP: every request is bounded, its sender known, and every refusal one clear sentence."""
