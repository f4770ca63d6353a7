using System.Text.Json.Serialization;
using Nova.Client.Publishing;
using Nova.Client.Tokens;
using Nova.Protocol;

namespace Nova.Client;

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull, Converters = [typeof(TimestampConverter)])]
[JsonSerializable(typeof(CreateStream))]
[JsonSerializable(typeof(UpdateStream))]
[JsonSerializable(typeof(StartStream))]
[JsonSerializable(typeof(ChangeQuality))]
[JsonSerializable(typeof(PublishError))]
[JsonSerializable(typeof(BitrateSample))]
[JsonSerializable(typeof(EndStream))]
[JsonSerializable(typeof(StreamResource))]
[JsonSerializable(typeof(StreamPage))]
[JsonSerializable(typeof(ViewerPage))]
[JsonSerializable(typeof(IssuePage))]
[JsonSerializable(typeof(Qoe))]
[JsonSerializable(typeof(Problem))]
[JsonSerializable(typeof(DevelopmentTokenRequest))]
[JsonSerializable(typeof(DevelopmentToken))]
internal sealed partial class NovaClientJson : JsonSerializerContext;
