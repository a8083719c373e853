"""The inference server: one base, any number of adapters, embeddings; spoken to as one speaks to OpenAI."""
