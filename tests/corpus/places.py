"""Small folders that look like known collections."""

MIDI = b"MThd\0\0\0\6\0\0\0\1\1\xe0MTrk\0\0\0\4\0\xff\x2f\0"

COLLECTIONS = {
    "aird": ("airdsAirs", ["book1.abc", "book6.abc"], []),
    "ryan": ("ryansMammoth", ["42dHighlandRegimentStrathspey.abc"], []),
    "oneill": ("oneills1850", ["0001-0050.abc", "0051-0100.abc"], []),
    "essen": ("essenFolksong", ["altdeu10.abc", "kinder0.abc"], ["license.txt"]),
    "bach-chorales": ("bach", ["bwv1.6.mxl", "bwv269.mxl", "bwv438.mxl", "bwv69.6.xml"], ["bwv846.mxl"]),
    "nottingham": ("nottingham-dataset", ["ABC_cleaned/jigs.abc", "ABC_cleaned/ashover.abc"], ["MIDI/jigs1.mid"]),
    "openhymnal": (
        "hymns",
        ["Complete/Abide_With_Me/a.abc", "Complete/A_Mighty_Fortress_Is_Our_God/b.abc"],
        ["Choir/Canon/Canon-Kanon.abc"],
    ),
    "openscore-lieder": ("Lieder", ["scores/Schubert,_Franz/_/Erlkönig/lc1.mxl", "scores/Schumann,_Clara/_/2/lc2.mxl"], ["data/x.tsv"]),
    "pop909": ("POP909", ["001/001.mid", "002/002.mid"], ["001/versions/001-v1.mid", "index.xlsx"]),
    "groove": ("groove", ["drummer1/session1/1_rock_80_beat_4-4.mid"], ["README"]),
    "freedoom": ("freedoom", ["musics/d_e1m1.mid", "musics/d_map01.mid"], ["musics/dummy.mid"]),
    "lakh-full": ("lmd_full", ["0/0a.mid", "8/8a.mid", "f/fa.mid"], []),
    "lakh-matched": ("lmd_matched", ["A/B/C/TRABC1/x.mid", "B/B/C/TRBBC1/x.mid", "C/B/C/TRCBC1/x.mid"], []),
    "lakh-clean": ("clean_midi", ["ABBA/Waterloo.mid"], []),
    "maestro": ("maestro-v3.0.0", ["2018/a.midi"], ["LICENSE"]),
    "gigamidi": ("training-V1.1-80%", ["drums-only/0/a.mid", "no-drums/0/b.mid", "all-instruments-with-drums/0/c.mid"], []),
}
"""Recipe -> usual name of its root, files that it takes, and files that it does not."""

SIDES = {
    "pop909": {f"{song}/{kind}.txt": b"" for song in ("001", "002") for kind in ("beat_midi", "chord_midi", "key_audio")},
    "groove": {
        "info.csv": b"drummer,session,id,style,bpm,beat_type,time_signature,midi_filename,audio_filename,duration,split\n"
        b"drummer1,drummer1/session1,x,funk/fast,80,fill,4-4,drummer1/session1/1_rock_80_beat_4-4.mid,x,1,validation\n"
    },
    "maestro": {
        "maestro-v3.0.0.csv": "canonical_composer,canonical_title,split,year,midi_filename,audio_filename,duration\n"
        'Franz Liszt,"Étude, No. 1",test,2018,2018/a.midi,2018/a.wav,1\n'.encode()
    },
}


def make_collection(recipe, folder):
    """Write the collection below `folder` and return its root."""
    name, taken, others = COLLECTIONS[recipe]
    root = folder / name
    for inside in taken + others:
        path = root / inside
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(f"X:1\nT:{path.stem}\nR:Reel\nO:Irland\nK:G\nGABc dedB|\n".encode() if path.suffix == ".abc" else MIDI)
    for inside, data in SIDES.get(recipe, {}).items():
        (root / inside).write_bytes(data)
    return root
