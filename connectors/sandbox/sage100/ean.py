"""EAN-13 bar codes."""


def check_digit(digits: str) -> int:
    """Thirteenth digit of an EAN-13 code from its first twelve (weights 1 and 3 in turn)."""
    total = sum(int(digit) * (3 if position % 2 else 1) for position, digit in enumerate(digits))
    return -total % 10


def ean13(prefix: int, number: int) -> str:
    """Valid code made of a six-digit prefix and a number below a million."""
    digits = f"{prefix:06d}{number % 1_000_000:06d}"
    return f"{digits}{check_digit(digits)}"


def is_ean13(code: str) -> bool:
    """Whether a text is thirteen digits with the right check digit."""
    return len(code) == 13 and code.isdigit() and check_digit(code[:12]) == int(code[12])
