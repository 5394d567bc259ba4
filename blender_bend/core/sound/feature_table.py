"""The rows of the table of features: what each means, its unit, its range and where it is defined."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Depends(StrEnum):
    """What besides the sound a feature is measured from; it is part of the names under which values are kept."""

    NOTHING = ""
    BEATS = "beats"  # the grid and its corrections
    MIDI = "midi"  # a file, and not the sound at all
    ENCODEC = "encodec"  # a model's folder


@dataclass(frozen=True)
class Feature:
    """A number per video frame, measured from sound.

    Parameters
    ----------
    family : heading under which it is offered
    unit : of its values
    low, high : the range of its values that is usual or, where it is bounded, possible, in its unit
    source : paper, standard or function that defines it
    which : how many there are of its kind, counted from ``first`` (12 for chroma); 0 if it is one alone
    hertz : whether it is asked for with a range in Hz
    separable : whether it can be measured on the harmonic or percussive part alone
    depends : what besides the sound it is measured from
    """

    name: str
    label: str
    family: str
    unit: str
    low: float
    high: float
    summary: str
    source: str
    which: int = 0
    first: int = 1
    hertz: bool = False
    separable: bool = True
    depends: Depends = Depends.NOTHING

    @property
    def of_channels(self) -> bool:
        """Whether it can be measured on one channel of the sound alone."""
        return self.depends is not Depends.MIDI


LEVEL, SPECTRUM, BANDS, RHYTHM, HARMONY = "Level", "Spectrum", "Bands", "Rhythm", "Harmony"
STRUCTURE, PAPERS, MIDI, LEARNED = "Structure", "As in the Papers", "MIDI", "Learned"
_J25 = "Dzwonczyk, Cella & Ban, DAFx24 / JAES25"

FEATURES: tuple[Feature, ...] = (
    Feature("rms", "Loudness", LEVEL, "full scale", 0, 1, "Loudness of the sound: swells and fades",
            "root mean square; librosa.feature.rms"),
    Feature("peak", "Peak", LEVEL, "full scale", 0, 1, "Highest sample of the frame: follows every hit exactly",
            "largest magnitude"),
    Feature("loudness", "Perceived Loudness", LEVEL, "LUFS", -70, 0,
            "Loudness as perceived over 0.4 s: a smooth, musical way to follow loudness",
            "ITU-R BS.1770-5, momentary loudness"),
    Feature("crest", "Crest", LEVEL, "dB", 0, 30, "How far peaks stand out: high for drums, low for pads",
            "peak / rms"),
    Feature("centroid", "Brightness", SPECTRUM, "Hz", 0, 8000,
            "Position of the sound between dark and bright (spectral centroid)", "librosa.feature.spectral_centroid"),
    Feature("spread", "Spread", SPECTRUM, "Hz", 0, 6000, "Width of the spectrum: narrow for a single tone, wide "
                                                         "for noise and full chords",
            "librosa.feature.spectral_bandwidth"),
    Feature("skewness", "Skewness", SPECTRUM, "number", -5, 20,
            "Asymmetry of the spectrum around its center",
            "third standardized moment of the spectrum"),
    Feature("kurtosis", "Kurtosis", SPECTRUM, "number", 0, 200, "How peaked the spectrum is: high for pure tones",
            "fourth standardized moment of the spectrum"),
    Feature("flatness", "Noisiness", SPECTRUM, "0 to 1", 0, 1, "Spectral flatness: 0 for tones, near 1 for noise",
            "librosa.feature.spectral_flatness"),
    Feature("rolloff", "Rolloff", SPECTRUM, "Hz", 0, 16000,
            "Frequency below which 85% of the energy lies: rises with cymbals and air",
            "librosa.feature.spectral_rolloff"),
    Feature("flux", "Spectral Flux", SPECTRUM, "full scale", 0, 1,
            "Amount of new sound: textures and noisy hits", "sum of the rises of the magnitude spectrum"),
    Feature("zero_crossings", "Zero Crossings", SPECTRUM, "per second", 0, 10000,
            "Rate of sign changes of the waveform: high for hiss and consonants", "librosa.feature.zero_crossing_rate"),
    Feature("contrast", "Contrast", SPECTRUM, "dB", 0, 60,
            "How clearly tones stand out from noise in one octave band", "librosa.feature.spectral_contrast",
            which=7),
    Feature("low", "Low Band", BANDS, "full scale", 0, 1, "Strength from 20 to 250 Hz: kick drum and bass", "band rms"),
    Feature("mid", "Mid Band", BANDS, "full scale", 0, 1, "Strength from 250 to 4000 Hz: voices, chords, snare",
            "band rms"),
    Feature("high", "High Band", BANDS, "full scale", 0, 1, "Strength from 4 to 20 kHz: cymbals, hi-hats, consonants",
            "band rms"),
    Feature("band", "Any Band", BANDS, "full scale", 0, 1, "Strength between two chosen frequencies",
            "band rms", hertz=True),
    Feature("mel", "Mel Band", BANDS, "dB", -80, 0, "One of 40 perceptually spaced bands, from low to high",
            "librosa.feature.melspectrogram, 40 bands", which=40),
    Feature("mfcc", "Timbre (MFCC)", BANDS, "number", -300, 300, "One of 20 coefficients that describe the timbre",
            "librosa.feature.mfcc", which=20),
    Feature("onset", "Onset Strength", RHYTHM, "dB", 0, 30,
            "Strength of onsets: every drum hit and plucked note", "librosa.onset.onset_strength"),
    Feature("onset_low", "Low Onsets", RHYTHM, "dB", 0, 30, "Onsets below 250 Hz: kick drum and bass notes",
            "librosa.onset.onset_strength_multi"),
    Feature("onset_mid", "Mid Onsets", RHYTHM, "dB", 0, 30, "Onsets from 250 to 4000 Hz: snare, voice, keys",
            "librosa.onset.onset_strength_multi"),
    Feature("onset_high", "High Onsets", RHYTHM, "dB", 0, 30, "Onsets above 4 kHz: hi-hats and cymbals",
            "librosa.onset.onset_strength_multi"),
    Feature("event", "Onset Events", RHYTHM, "0 to 1", 0, 1,
            "Only the hits: their strength in the frame where each starts, 0 elsewhere",
            "librosa.onset.onset_detect"),
    Feature("tempo", "Tempo", RHYTHM, "BPM", 40, 240, "Local tempo in beats per minute", "distance of the beats",
            depends=Depends.BEATS),
    Feature("beat", "Beat Pulse", RHYTHM, "0 to 1", 0, 1, "1 on every beat, fading until the next",
            "exp(-t / 0.15 s) after each beat", depends=Depends.BEATS),
    Feature("beat_phase", "Beat Phase", RHYTHM, "0 to 1", 0, 1,
            "Rises from 0 to 1 between beats: a sawtooth for rotations", "time since the beat / its length",
            depends=Depends.BEATS),
    Feature("bar", "Bar Pulse", RHYTHM, "0 to 1", 0, 1, "1 on the first beat of every bar, fading until the next",
            "exp(-t / 0.15 s) after each bar's first beat", depends=Depends.BEATS),
    Feature("bar_phase", "Bar Phase", RHYTHM, "0 to 1", 0, 1, "Rises from 0 to 1 over every bar",
            "time since the bar's start / its length", depends=Depends.BEATS),
    Feature("beat_number", "Beat by Number", RHYTHM, "0 to 1", 0, 1,
            "Pulse on one beat of the bar: 2 and 4 are often the snare", "exp(-t / 0.15 s) after that beat", which=16,
            depends=Depends.BEATS),
    Feature("chroma", "Pitch Class", HARMONY, "0 to 1", 0, 1,
            "Strength of one of the twelve pitch classes, in any octave", "librosa.feature.chroma_stft", which=12),
    Feature("key_strength", "Key Strength", HARMONY, "-1 to 1", -1, 1, "How clearly the music is in a key",
            "Krumhansl & Kessler 1982, best correlation of 24 keys"),
    Feature("tonnetz", "Tonnetz", HARMONY, "-1 to 1", -1, 1,
            "One of six dimensions of harmony: moves when the chords change",
            "Harte et al. 2006; librosa.feature.tonnetz", which=6),
    Feature("pitch", "Pitch", HARMONY, "Hz", 0, 2000, "Frequency of the melody, held during pauses",
            "librosa.pyin"),
    Feature("voicing", "Voicing", HARMONY, "0 to 1", 0, 1, "Confidence that a single voice or instrument is playing",
            "librosa.pyin"),
    Feature("section", "Section", STRUCTURE, "number", 0, 10,
            "Number of the song's section: intro, verse, chorus …",
            "McFee & Ellis 2014; librosa.segment.agglomerative"),
    Feature("novelty", "Novelty", STRUCTURE, "0 to 1", 0, 1, "High where one section of the song turns into another",
            "Foote 2000, checkerboard kernel on self-similarity"),
    Feature("paper_rms", "RMS (Papers)", PAPERS, "full scale", 0, 1, "Loudness exactly as in the papers", _J25,
            separable=False),
    Feature("paper_centroid", "Centroid (Papers)", PAPERS, "Hz", 0, 24000,
            "Brightness exactly as in the papers", _J25, separable=False),
    Feature("paper_spread", "Spread (Papers)", PAPERS, "Hz", 0, 12000, "Spread exactly as in the papers", _J25,
            separable=False),
    Feature("paper_skewness", "Skewness (Papers)", PAPERS, "number", -5, 20, "Skewness as in the papers",
            _J25, separable=False),
    Feature("paper_kurtosis", "Kurtosis (Papers)", PAPERS, "number", 0, 200, "Kurtosis as in the papers",
            _J25, separable=False),
    Feature("paper_flux", "Flux (Papers)", PAPERS, "magnitude", 0, 25000, "Flux exactly as in the papers", _J25,
            separable=False),
    Feature("midi_velocity", "MIDI Velocity", MIDI, "0 to 1", 0, 1, "Velocity of the strongest note playing",
            "velocity / 127", separable=False, depends=Depends.MIDI),
    Feature("midi_onset", "MIDI Onsets", MIDI, "0 to 1", 0, 1, "Velocity in the frame where a note starts, 0 "
                                                               "elsewhere",
            "velocity / 127", separable=False, depends=Depends.MIDI),
    Feature("midi_pitch", "MIDI Pitch", MIDI, "note number", 0, 127, "Highest note playing, held between notes",
            "MIDI 1.0", separable=False, depends=Depends.MIDI),
    Feature("midi_notes", "MIDI Notes", MIDI, "count", 0, 12, "Number of notes playing at once", "MIDI 1.0",
            separable=False, depends=Depends.MIDI),
    Feature("midi_note", "MIDI Single Note", MIDI, "0 to 1", 0, 1,
            "Velocity of one note while it plays; 60 is middle C", "velocity / 127", which=128, first=0,
            separable=False, depends=Depends.MIDI),
    Feature("midi_control", "MIDI Controller", MIDI, "0 to 1", 0, 1,
            "Controller value: 1 modulation, 7 volume, 11 expression, 64 sustain", "controller / 127", which=128,
            first=0, separable=False, depends=Depends.MIDI),
    Feature("midi_bend", "MIDI Pitch Bend", MIDI, "-1 to 1", -1, 1, "Position of the pitch wheel", "MIDI 1.0",
            separable=False, depends=Depends.MIDI),
    Feature("encodec", "EnCodec Component", LEARNED, "number", -1, 1,
            "Principal component of a neural codec's codes; requires an EnCodec folder in the preferences",
            "Défossez et al. 2022; principal components of the codes", which=8, separable=False,
            depends=Depends.ENCODEC),
    Feature("encodec_tsne", "EnCodec t-SNE", LEARNED, "number", -1, 1,
            "Neural codec codes arranged by similarity; requires an EnCodec folder in the preferences",
            "JAES25: t-SNE of the codes, 16 components", which=16, separable=False, depends=Depends.ENCODEC),
)  # fmt: skip
