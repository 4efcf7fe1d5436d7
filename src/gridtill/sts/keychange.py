"""
Key change tokens: a new decoder key in two or four sections, encrypted under the old one.

A key for encryption algorithm 07 takes two tokens (three where the meter is to store the
supply group code too), one for 11 takes four. They may be entered in any order, but all
before the first credit under the new key.

Source: IEC 62055-41, "Set1stSectionDecoderKey" to "Set4thSectionDecoderKey".
"""

from __future__ import annotations

from gridtill.sts.errors import OutOfRange
from gridtill.sts.keys import MISTY1, DecoderKey, KeyContext
from gridtill.sts.tokens import ManagementSubclass, TokenClass, encode_data


def key_change_tokens(
    old_key: DecoderKey,
    new_key: DecoderKey,
    new: KeyContext,
    *,
    new_key_expiry: int,
    rollover: bool,
    with_supply_group: bool = False,
) -> tuple[str, ...]:
    """
    Make the set of tokens that takes a meter from its old key to a new one.

    ``rollover`` says that the base date changes, which makes the meter forget the token
    identifiers it has seen. ``with_supply_group`` adds the third section to a set for
    encryption algorithm 07; sets for 11 always carry the supply group code.

    :raises OutOfRange: if the new key's expiry number is not 0 to 255
    """
    if not 0 <= new_key_expiry <= 0xFF:
        raise OutOfRange(f"A key expiry number is 0 to 255, not {new_key_expiry}.", field="key_expiry")
    octets = new_key.octets
    words = [int.from_bytes(octets[at : at + 4], "big") for at in range(0, len(octets), 4)]
    group = int(new.supply_group_code)
    third = with_supply_group and new_key.algorithm != MISTY1
    first_head = (new_key_expiry >> 4) << 8 | new.key_revision << 4 | rollover << 3 | third << 2 | new.key_type
    second_head = (new_key_expiry & 0xF) << 8 | int(new.tariff_index)
    contents = [
        (ManagementSubclass.SET_DECODER_KEY_1, first_head << 32 | words[0]),
        (ManagementSubclass.SET_DECODER_KEY_2, second_head << 32 | words[-1]),
    ]
    if new_key.algorithm == MISTY1:
        contents.append((ManagementSubclass.SET_DECODER_KEY_3, (group & 0xFFF) << 32 | words[1]))
        contents.append((ManagementSubclass.SET_DECODER_KEY_4, (group >> 12) << 32 | words[2]))
    elif third:
        contents.append((ManagementSubclass.SET_DECODER_KEY_3, group << 20))
    return tuple(
        encode_data(TokenClass.MANAGEMENT, subclass << 44 | content, old_key) for subclass, content in contents
    )
