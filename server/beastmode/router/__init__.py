"""From a request to an answer: which models may be asked (plan), one try (attempt), the loop over tries (router)."""
