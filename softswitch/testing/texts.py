"""What `FakeControl` does with instant messages: it remembers them."""

from dataclasses import dataclass, field

from softswitch.api.text_control import TextView, TextWish


@dataclass
class FakeTexts:
    wishes: list[TextWish] = field(default_factory=list)

    async def send(self, wish: TextWish) -> tuple[TextView, ...]:
        self.wishes.append(wish)
        return (TextView(endpoint=wish.to, address=f"sip:{wish.to}@192.0.2.7", status=200),)
