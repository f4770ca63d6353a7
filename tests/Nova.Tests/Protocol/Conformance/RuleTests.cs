using Nova.Tests.Support;

namespace Nova.Tests.Protocol.Conformance;

/// <summary>
/// Tests of the protocol's numbered rules, over the wire, against a running system with two gateways. A test's name begins with the rule it
/// tests, as in <c>R13_ConnectionEstablished_IsTheFirstMessage</c>: the table of rules is made from the names.
/// </summary>
public abstract class RuleTests(NovaFixture nova)
{
    /// <summary>The system as the test's clients reach it. A check that a test can fail puts a saboteur in between.</summary>
    public Api Api { get; set; } = nova.Api;

    protected NovaFixture Nova => nova;
}
