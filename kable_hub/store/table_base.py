"""What every table is made of."""

import peewee as pw

database = pw.DatabaseProxy()


class Table(pw.Model):
    """Base of all tables."""

    class Meta:
        database = database
        legacy_table_names = False


class Scoped(Table):
    """Base of what belongs to one account in one environment."""

    account_id = pw.TextField()
    environment = pw.TextField()
