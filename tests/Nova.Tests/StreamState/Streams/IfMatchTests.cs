using Nova.StreamState.Streams;

namespace Nova.Tests.StreamState.Streams;

/// <summary>RFC 9110 13.1.1 (S53), against version 3.</summary>
public sealed class IfMatchTests
{
    [Theory]
    [InlineData(true)]
    [InlineData(true, "*")]
    [InlineData(true, "\"3\"")]
    [InlineData(true, "\"2\", \"3\"")]
    [InlineData(true, "\"2\"", "\"9\", \"3\"")]
    [InlineData(false, "\"2\"")]
    [InlineData(false, "W/\"3\"")] // A weak tag never matches; nginx with gzip hands it out.
    [InlineData(false, "\"abc\"")]
    [InlineData(false, "\"\"")]
    public void Allows_ATagOrAListOfTags_AsRfc9110Says(bool allowed, params string[] lines)
    {
        Assert.True(IfMatch.TryRead(lines, out var condition));
        Assert.Equal(allowed, condition.Allows(3));
    }

    [Theory]
    [InlineData("3")]
    [InlineData("\"3")]
    [InlineData("\"3\" \"4\"")]
    [InlineData("")]
    public void TryRead_WhatIsNoEntityTag_IsRefused(string line) => Assert.False(IfMatch.TryRead(line, out _));
}
