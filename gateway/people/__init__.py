"""Who may do what: nobody acts here without a key that two people vouched for, and no one alone adds another."""
