"""Attention between words, from a model's attention between the pieces of words."""

from ontogeny.measures.attention.words import WordAttention, attention_between_words, word_attention

__all__ = ["WordAttention", "attention_between_words", "word_attention"]
