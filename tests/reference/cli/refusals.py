"""What every command does with what it cannot work with."""


def expect_refusal(test, result, *words):
    """Exit status 1, nothing but one line that begins as ours do and has these words, and no internal error."""
    test.assertEqual(result.returncode, 1, result.stdout + result.stderr)
    test.assertEqual(result.stdout, "")
    lines = result.stderr.strip().splitlines()
    test.assertEqual(len(lines), 1, result.stderr)
    test.assertTrue(lines[0].startswith("dvar: "), lines[0])
    test.assertNotIn("internal error", lines[0])
    for word in words:
        test.assertIn(str(word), lines[0])
