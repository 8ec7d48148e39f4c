"""Attention between words, from a model's attention between the pieces of words."""

from ontogeny.measures.attention.words import (
    BetweenWords,
    WordAttention,
    attention_between_words,
    word_attention,
)

__all__ = ["BetweenWords", "WordAttention", "attention_between_words", "word_attention"]
