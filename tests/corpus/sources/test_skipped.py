from musicvae.corpus.sources.skipped import Skipped


def test_reasons_are_counted_with_a_few_examples():
    skipped = Skipped()
    for number in range(7):
        skipped.add("no music (.txt)", f"{number}.txt")
    skipped.add("hidden file", ".x")
    assert len(skipped) == 8
    words = skipped.to_dict()
    assert list(words) == ["hidden file", "no music (.txt)"]
    assert words["no music (.txt)"] == {"count": 7, "examples": ["0.txt", "1.txt", "2.txt", "3.txt", "4.txt"]}
    again = Skipped()
    again.add("hidden file", ".a")
    again.update(words)
    assert again.counts == {"hidden file": 2, "no music (.txt)": 7}
    assert again.examples["hidden file"] == [".a", ".x"]
    assert repr(again) == "Skipped({'hidden file': 2, 'no music (.txt)': 7})"
