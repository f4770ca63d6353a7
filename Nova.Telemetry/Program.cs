using Nova.Telemetry;

var builder = WebApplication.CreateBuilder(args);
builder.AddTelemetry();

var app = builder.Build();
app.MapTelemetry();
app.Run();
