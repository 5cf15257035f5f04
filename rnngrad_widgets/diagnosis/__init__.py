"""What a gradient over time says, in numbers and in careful sentences; numpy only."""
