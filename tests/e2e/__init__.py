"""The dashboard in a real Chromium: the story of one account, and every page in every look.

Skipped where no `chromium` is installed. With `KABLE_SHOTS=DIR python run.py test tests/e2e` a
picture of each page in light, in dark and on a phone is kept in DIR.
"""
