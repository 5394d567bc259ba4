"""Where nothing begins: passages whose onset strength only varies as that of steady noise does."""

from __future__ import annotations

import numpy as np

#: Seconds of a passage that is judged as a whole; passages overlap by half.
_PASSAGE_SECONDS = 10.0
#: Percentile of what is usual, beside the median.
_USUAL_PERCENT = 25


def steady(novelty: np.ndarray, hops_per_second: float, headroom: float) -> np.ndarray:
    """The hops that lie only in passages without a beginning.

    librosa's onset strength of hiss, wind or surf is never still, and its peaks would be taken for hits. But noise
    spreads in a way of its own: its strongest rise in 10 s lies at most some multiple of the distance between its lower
    quartile and its median above that quartile. A single real hit in a passage lies far above it. Measured with white,
    pink, brown, blue, and band-limited noise at three sample rates and three frame rates.

    Parameters
    ----------
    novelty : float array, shape (hops,), 0 or more. The first is not judged: it is the beginning of the sound itself.
    headroom : that multiple; the fewer mel bands the novelty is a mean of, the higher

    Returns
    -------
    bool array, shape (hops,)
    """
    hops, passage = len(novelty), round(_PASSAGE_SECONDS * hops_per_second)
    still = np.ones(hops, dtype=bool)
    still[:1] = False
    first = 0
    while first < hops:
        last = min(hops, first + passage)
        here = slice(max(1, last - passage), last)
        values = novelty[here]
        if len(values):
            low, middle = np.percentile(values, [_USUAL_PERCENT, 50])
            if values.max() > low + headroom * (middle - low):
                still[here] = False
        if last == hops:
            break
        first += passage // 2
    return still
