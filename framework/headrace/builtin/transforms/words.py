"""What a text is cut into, by whatever transform makes numbers of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from headrace.hooks.values import LONGEST_TEXT

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


Count = Annotated[int, Field(ge=1, le=8)]  # each is another table of counts


class Words(BaseModel):
    """The parameters that say what is counted in a text."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    by: Literal["word", "char", "char_wb"] = Field(
        default="word", description="Words of two letters or more, characters, or characters within words; large and small are alike."
    )
    ngrams: tuple[Count, Count] = Field(
        default=(1, 1), description="How many of them in a row are one: the least and the most.", examples=[[1, 2]]
    )
    longest: int = Field(
        default=LONGEST_TEXT, ge=1, le=LONGEST_TEXT, description="How many characters of a text are looked at; a request carries no more."
    )

    @model_validator(mode="after")
    def _ascending(self) -> Self:
        least, most = self.ngrams
        if least > most:
            raise ValueError("`ngrams` are two whole numbers, the least first")
        return self


def cut(texts: NDArray[np.object_], longest: int) -> list[Any]:
    """Texts as far as they are looked at."""
    return [text[:longest] for text in texts]
