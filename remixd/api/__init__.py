"""The gRPC service: translate, delegate, translate back."""
