"""The training kernel: folders in, folders out. It knows no Django, no database and no settings."""
